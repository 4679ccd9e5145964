/** How many streams are remembered after their end: more than can be under way between client and server. */
const REMEMBERED = 256;

/** The latest streams that are over, and how they ended: what still comes on them depends on it (RFC 9113 section 5.1). */
export class ClosedStreams {
  /** Ids, negative for streams that the server has reset; used in turn. */
  readonly #ids = new Int32Array(REMEMBERED);
  #next = 0;

  /** Notes that a stream is over. */
  add(streamId: number, wasReset: boolean): void {
    this.#ids[this.#next] = wasReset ? -streamId : streamId;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** Whether the server has reset this stream: then what its client sent before it knew is to be ignored. */
  wasReset(streamId: number): boolean {
    return this.#ids.includes(-streamId);
  }

  /** Whether this stream was in use. */
  has(streamId: number): boolean {
    return this.#ids.includes(streamId) || this.#ids.includes(-streamId);
  }
}
