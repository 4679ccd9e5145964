import type { Clock } from "@neson/kit/clock";

/** Viewers wait no longer for it. */
const WITHIN_MS = 3000;

/**
 * Whether a Terminal that has just started has heard from its Router. What was purged while it was away it is told with its welcome, so it serves nothing of
 * what it kept before that is through; but a Router that cannot be reached, or says nothing, keeps it from serving only for a moment.
 */
export class FirstWord implements Disposable {
  readonly #heard = Promise.withResolvers<void>();
  readonly #waiting = new AbortController();
  #isHeard = false;

  constructor({ clock }: { clock: Clock }) {
    clock.sleep(WITHIN_MS, this.#waiting.signal).then(
      () => this.noteHeard(),
      () => {},
    );
  }

  get isHeard(): boolean {
    return this.#isHeard;
  }

  /** Resolves once it was heard, or is waited for no more. */
  get heard(): Promise<void> {
    return this.#heard.promise;
  }

  /** The Router has answered a heartbeat, and so said before what it had to say; or it could not be reached. */
  noteHeard(): void {
    this.#isHeard = true;
    this.#heard.resolve();
    this.#waiting.abort();
  }

  [Symbol.dispose](): void {
    this.noteHeard();
  }
}
