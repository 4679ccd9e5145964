import type { FileHandle } from "node:fs/promises";
import { equalBytes, sha256 } from "@neson/protocol/bytes";
import { type ObjectDescription, pieceCount, pieceSpan } from "@neson/protocol/object";
import { HASH_BYTES } from "@neson/protocol/tree";

const BLOCK_PIECES = 4;

/** How to go about a check. */
export interface VerifyOptions {
  signal?: AbortSignal | undefined;
  /** Called with the number of bytes just read; the next block waits for it. */
  pace?: ((bytes: number) => Promise<void> | undefined) | undefined;
  /** Told of each piece in order; returning false ends the check. Default: go on as long as pieces are good. */
  onPiece?: ((index: number, isGood: boolean) => boolean) | undefined;
}

/**
 * Reads a file piece by piece and compares each with its hash. A piece that the file ends in the middle of is bad.
 *
 * @returns how many pieces were good
 */
export async function verifyPieces(
  file: FileHandle,
  description: ObjectDescription,
  { signal, pace, onPiece = (_index, isGood) => isGood }: VerifyOptions = {},
): Promise<number> {
  const { size, pieceSize, pieces } = description;
  const count = pieceCount(size, pieceSize);
  const block = Buffer.allocUnsafe(Math.min(size, BLOCK_PIECES * pieceSize));
  let goodCount = 0;
  for (let index = 0; index < count; index += BLOCK_PIECES) {
    signal?.throwIfAborted();
    const start = index * pieceSize;
    const readBytes = await readFully(file, block.subarray(0, Math.min(block.length, size - start)), start);
    for (let i = index; i < Math.min(count, index + BLOCK_PIECES); i++) {
      const { first, length } = pieceSpan(i, size, pieceSize);
      const end = first - start + length;
      const isGood = end <= readBytes && isPiece(pieces, i, block.subarray(first - start, end));
      if (isGood) goodCount++;
      if (!onPiece(i, isGood)) return goodCount;
    }
    await pace?.(readBytes);
  }
  return goodCount;
}

/** Whether these bytes are piece number `index` of a piece list. */
export function isPiece(pieces: Uint8Array, index: number, bytes: Uint8Array): boolean {
  return equalBytes(sha256(bytes), pieces.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES));
}

/** Fills the buffer from `position` on; returns fewer bytes only at the end of the file. */
export async function readFully(file: FileHandle, into: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}
