import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";

/** The slowest body that is waited for when it is to be kept: an origin that drips would otherwise hold a flight for ever. */
const MIN_BYTES = 1024;
const WITHIN_MS = 60_000;

/**
 * A body that is to be kept, held to a pace. Only the time during which more of it is waited for counts. Throws NesonError `origin-timeout` (peer)
 * when less than 1 KiB came in a minute of waiting.
 */
export async function* pacedBody(body: AsyncIterable<Uint8Array>, deps: { clock: Clock }): AsyncGenerator<Uint8Array> {
  let waitedMs = 0;
  let bytes = 0;
  let wantedMs = deps.clock.nowMs();
  for await (const block of body) {
    waitedMs += deps.clock.nowMs() - wantedMs;
    bytes += block.length;
    if (waitedMs >= WITHIN_MS) {
      if (bytes < MIN_BYTES) {
        const message = `an origin's body: ${bytes} bytes came in ${waitedMs} ms, at least ${MIN_BYTES} in ${WITHIN_MS} ms are waited for`;
        throw new NesonError("origin-timeout", message, { fault: "peer" });
      }
      waitedMs = 0;
      bytes = 0;
    }
    yield block;
    wantedMs = deps.clock.nowMs();
  }
}
