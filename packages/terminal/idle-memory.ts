const LOOK_MS = 1000;
/** So many quiet looks in a row, and it is time. */
const QUIET_LOOKS = 3;

/**
 * Gives memory back to the system once a busy time is over. The runtime collects garbage when it allocates: after a large fill or many
 * transfers nothing allocates any more, and what they used would stay with an idle Terminal on somebody else's machine.
 *
 * @param isBusy whether anything is being served or fetched now
 * @param collect frees what is not used any more; some ten milliseconds
 */
export function releaseWhenIdle(isBusy: () => boolean, collect: () => void): Disposable {
  let wasBusy = true;
  let quietLooks = 0;
  const timer = setInterval(() => {
    if (isBusy()) {
      wasBusy = true;
      quietLooks = 0;
      return;
    }
    quietLooks++;
    if (!wasBusy || quietLooks < QUIET_LOOKS) return;
    wasBusy = false;
    collect();
  }, LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
