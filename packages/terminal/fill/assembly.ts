import { type ObjectDescription, pieceCount, pieceSpan } from "@neson/protocol/object";

/** Puts a stream of chunks of any length together into pieces. */
export class Assembly {
  readonly #description: Pick<ObjectDescription, "size" | "pieceSize">;
  #index: number;
  #skipBytes: number;
  /** One buffer for all pieces: whoever got `complete` is done with it before `advance`. */
  readonly #buffer: Uint8Array;
  #piece: Uint8Array;
  #filled = 0;

  /** The stream begins `skipBytes` before piece `index`. */
  constructor(description: Pick<ObjectDescription, "size" | "pieceSize">, index: number, skipBytes: number) {
    this.#description = description;
    this.#index = index;
    this.#skipBytes = skipBytes;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(description.size, description.pieceSize));
    this.#piece = this.#newPiece();
  }

  /** The piece being put together. */
  get index(): number {
    return this.#index;
  }

  /** Its bytes, once all are there; good until `advance`. */
  get complete(): Uint8Array | undefined {
    return this.#filled === this.#piece.length ? this.#piece : undefined;
  }

  /** Takes what belongs to the current piece and gives back the rest. */
  take(chunk: Uint8Array): Uint8Array {
    if (this.#skipBytes > 0) {
      const skipped = Math.min(this.#skipBytes, chunk.length);
      this.#skipBytes -= skipped;
      return chunk.subarray(skipped);
    }
    const part = chunk.subarray(0, this.#piece.length - this.#filled);
    this.#piece.set(part, this.#filled);
    this.#filled += part.length;
    return chunk.subarray(part.length);
  }

  /** Goes on to the next piece and returns its index, which may be one past the last. */
  advance(): number {
    this.#index++;
    this.#filled = 0;
    const { size, pieceSize } = this.#description;
    if (this.#index < pieceCount(size, pieceSize)) this.#piece = this.#newPiece();
    return this.#index;
  }

  #newPiece(): Uint8Array {
    const { size, pieceSize } = this.#description;
    return this.#buffer.subarray(0, pieceSpan(this.#index, size, pieceSize).length);
  }
}
