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
  readonly #declaredBytes: number | undefined;

  /** @param options.declaredBytes the length that is to be held to, where whoever reads the connection does not */
  constructor(response: BodySource, options: { idleMs: number; name: string; declaredBytes?: number | undefined }) {
    this.#response = response;
    this.#idleMs = options.idleMs;
    this.#name = options.name;
    this.#declaredBytes = options.declaredBytes;
    // Whoever reads hears of errors from the iterator; when nobody does, they are nobody's business.
    response.on("error", () => {});
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const chunks = this.#response[Symbol.asyncIterator]();
    let timeout: NesonError | undefined;
    let bytes = 0;
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
          if (step.done !== true) bytes += step.value.length;
          this.#checkLength(bytes, step.done === true);
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

  /** RFC 9113 8.1.1. */
  #checkLength(bytes: number, isEnd: boolean): void {
    const declared = this.#declaredBytes;
    if (declared === undefined || (isEnd ? bytes === declared : bytes <= declared)) return;
    this.#response.destroy();
    throw new Error(`found ${bytes} bytes${isEnd ? "" : " or more"}, ${declared} were declared`);
  }
}
