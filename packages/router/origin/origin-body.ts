import { NesonError } from "@neson/kit/error";

/** What a body is read from. */
export interface BodySource extends AsyncIterable<Uint8Array> {
  /** True once all of it came. */
  readonly complete: boolean;
  destroy(error?: Error): void;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** An origin's body as an iterable that is read once. It throws when the body does not come whole, or pauses for too long while wanted. */
export class OriginBody implements AsyncIterable<Uint8Array> {
  readonly #response: BodySource;
  readonly #idleMs: number;
  readonly #name: string;

  constructor(response: BodySource, options: { idleMs: number; name: string }) {
    this.#response = response;
    this.#idleMs = options.idleMs;
    this.#name = options.name;
    // Whoever reads hears of errors from the iterator; when nobody does, they are nobody's business.
    response.on("error", () => {});
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const chunks = this.#response[Symbol.asyncIterator]();
    let timeout: NesonError | undefined;
    const onSilence = () => {
      const message = `origin ${this.#name}: its body paused for ${this.#idleMs} ms, no longer is allowed`;
      timeout = new NesonError("origin-timeout", message, { fault: "peer" });
      this.#response.destroy(timeout);
    };
    return {
      // The time runs only while bytes are wanted: a slow client is no fault of the origin.
      next: async () => {
        const timer = setTimeout(onSilence, this.#idleMs);
        try {
          const step = await chunks.next();
          if (step.done === true && !this.#response.complete) throw new Error("the connection closed early");
          return step;
        } catch (cause) {
          if (timeout !== undefined) throw timeout;
          const message = `origin ${this.#name}: its body broke off`;
          throw new NesonError("origin-cut-short", message, { fault: "peer", cause });
        } finally {
          clearTimeout(timer);
        }
      },
      // Destroying first: the stream's own return() waits for a read under way.
      return: async () => {
        this.#response.destroy();
        return { done: true, value: undefined };
      },
    };
  }
}
