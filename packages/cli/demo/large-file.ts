import { createCipheriv, createHash } from "node:crypto";

/** Size of the demo's large download, in bytes. */
export const LARGE_FILE_BYTES = 48 * 1024 * 1024;

const KEY = createHash("sha256").update("neson-demo-large-file-1").digest().subarray(0, 16);
const CIPHER_BLOCK_BYTES = 16;
const CHUNK_BYTES = 256 * 1024;

/**
 * Bytes first..last (inclusive) of the large download: a fixed AES-CTR key stream, so that any range can be made on the spot, is
 * the same on every machine and cannot be compressed.
 */
export function* largeFileBytes(first: number, last: number): Generator<Uint8Array> {
  const counter = Buffer.alloc(CIPHER_BLOCK_BYTES);
  counter.writeBigUInt64BE(BigInt(Math.floor(first / CIPHER_BLOCK_BYTES)), 8);
  const cipher = createCipheriv("aes-128-ctr", KEY, counter);
  cipher.update(Buffer.alloc(first % CIPHER_BLOCK_BYTES));
  for (let at = first; at <= last; at += CHUNK_BYTES) {
    yield cipher.update(Buffer.alloc(Math.min(CHUNK_BYTES, last - at + 1)));
  }
}

/** Hex SHA-256 of the large download. */
export function largeFileSha256(): string {
  const hash = createHash("sha256");
  for (const chunk of largeFileBytes(0, LARGE_FILE_BYTES - 1)) hash.update(chunk);
  return hash.digest("hex");
}
