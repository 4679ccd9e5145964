/** What a fast transfer reads at once: large enough to make few calls, small enough to stay in the processor's cache until it is sent. */
export const LARGE_BLOCK_BYTES = 256 * 1024;
/** What a slow transfer, or one too many, reads at once. */
export const SMALL_BLOCK_BYTES = 64 * 1024;

/**
 * Blocks that files are read into. Large ones make a transfer cheap and are few: they are lent out up to a bound and used again. Whoever
 * comes when all are out gets a small one of its own, so that many slow clients cost little memory.
 */
export class BlockPool {
  readonly #maxLarge: number;
  readonly #free: Buffer[] = [];
  #lentCount = 0;

  /** @param maxLarge how many large blocks may be lent out at once */
  constructor(maxLarge: number) {
    this.#maxLarge = maxLarge;
  }

  get hasLarge(): boolean {
    return this.#lentCount < this.#maxLarge;
  }

  /** A large block while there are any and the transfer is fast, else a small one. */
  take(isFast: boolean): Buffer {
    if (!isFast || !this.hasLarge) return Buffer.allocUnsafeSlow(SMALL_BLOCK_BYTES);
    this.#lentCount++;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(LARGE_BLOCK_BYTES);
  }

  /** Takes a block back once nobody reads from it any more. */
  give(block: Buffer): void {
    if (block.length !== LARGE_BLOCK_BYTES) return;
    this.#lentCount--;
    this.#free.push(block);
  }
}
