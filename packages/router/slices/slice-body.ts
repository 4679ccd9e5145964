/** The bytes that one origin request brings, in memory while they come: one writer, any number of readers at their own pace. */
export class SliceBody {
  readonly #chunks: Uint8Array[] = [];
  #receivedBytes = 0;
  #releasedBytes = 0;
  #hasEnded = false;
  #error: Error | undefined;
  #change = Promise.withResolvers<void>();

  /** Everything received. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Takes the next bytes, which must not be changed afterwards. `release: false` keeps them from readers until `end()` or `fail()`. */
  append(bytes: Uint8Array, release: boolean): void {
    this.#chunks.push(bytes);
    this.#receivedBytes += bytes.length;
    if (!release) return;
    this.#releasedBytes = this.#receivedBytes;
    this.#notify();
  }

  /** Readers get the rest and then the end. */
  end(): void {
    this.#hasEnded = true;
    this.#releasedBytes = this.#receivedBytes;
    this.#notify();
  }

  /** Readers get the rest and then this error. */
  fail(error: Error): void {
    if (this.#hasEnded) return;
    this.#error ??= error;
    this.#releasedBytes = this.#receivedBytes;
    this.#notify();
  }

  /** The bytes from offset `first` to offset `last` (inclusive), as they come. */
  async *read(first: number, last: number): AsyncGenerator<Uint8Array, void, undefined> {
    let [index, start] = [0, 0];
    for (let at = first; at <= last; ) {
      if (at < this.#releasedBytes) {
        let chunk = this.#chunks[index] as Uint8Array;
        for (; start + chunk.length <= at; chunk = this.#chunks[index] as Uint8Array) {
          start += chunk.length;
          index += 1;
        }
        const bytes = chunk.subarray(at - start, Math.min(last + 1, this.#releasedBytes) - start);
        at += bytes.length;
        yield bytes;
      } else if (this.#error !== undefined) throw this.#error;
      else if (this.#hasEnded) return;
      else await this.#change.promise;
    }
  }

  #notify(): void {
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers<void>();
    resolve();
  }
}
