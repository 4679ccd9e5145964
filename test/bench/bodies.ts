import { createHash } from "node:crypto";

/** Bytes that no server can compress or guess, the same for the same name in every run. */
export function bodyOf(name: string, size: number): Uint8Array {
  const body = new Uint8Array(size);
  let block = createHash("sha512").update(name).digest();
  for (let at = 0; at < size; at += block.length) {
    body.set(block.subarray(0, Math.min(block.length, size - at)), at);
    block = createHash("sha512").update(block).digest();
  }
  return body;
}
