import { createHash } from "node:crypto";
import { equalBytes } from "./bytes.ts";
import { ProtocolError } from "./error.ts";

/** Bytes of a piece hash, and of every node above it. */
export const HASH_BYTES = 32;

const NODE = Uint8Array.of(0x01);

/**
 * Root of the hash tree over a piece list. A leaf is the piece's plain SHA-256; a node is SHA-256(0x01 ‖ left ‖ right);
 * an odd node is carried up unchanged, so the root of one piece is that piece's hash.
 *
 * @param pieces the piece hashes one after another, 32 bytes each, at least one
 * @throws ProtocolError `bad-object` for an empty list or a length that is no multiple of 32
 */
export function treeRoot(pieces: Uint8Array): Uint8Array {
  checkList(pieces);
  let level = pieces;
  while (level.length > HASH_BYTES) level = levelAbove(level);
  return level.slice();
}

/**
 * The siblings that lead from one piece to the root, lowest first. A level where the node is carried up adds nothing.
 *
 * @throws ProtocolError `bad-object` for a bad list or an index outside it
 */
export function proofOf(pieces: Uint8Array, index: number): Uint8Array[] {
  const count = checkList(pieces);
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw new ProtocolError("bad-object", `proof of piece ${index}: allowed are 0 to ${count - 1}`);
  }
  const proof: Uint8Array[] = [];
  let position = index;
  for (let level = pieces; level.length > HASH_BYTES; level = levelAbove(level)) {
    const sibling = (position ^ 1) * HASH_BYTES;
    if (sibling < level.length) proof.push(level.slice(sibling, sibling + HASH_BYTES));
    position >>>= 1;
  }
  return proof;
}

/** What `verifyProof` needs to judge one piece hash. */
export interface ProofClaim {
  root: Uint8Array;
  /** How many pieces the object has; it fixes the shape of the tree, so it must come from a trusted description. */
  pieceCount: number;
  index: number;
  leaf: Uint8Array;
  proof: readonly Uint8Array[];
}

/** Whether `leaf` is piece number `index` under `root`. False, never an error, for anything malformed. */
export function verifyProof({ root, pieceCount, index, leaf, proof }: ProofClaim): boolean {
  if (!Number.isSafeInteger(pieceCount) || !Number.isSafeInteger(index)) return false;
  if (index < 0 || index >= pieceCount || leaf.length !== HASH_BYTES) return false;
  let hash = leaf;
  let used = 0;
  let position = index;
  for (let width = pieceCount; width > 1; width = Math.ceil(width / 2)) {
    const isRight = position % 2 === 1;
    if (isRight || position + 1 < width) {
      const sibling = proof[used++];
      if (sibling?.length !== HASH_BYTES) return false;
      hash = isRight ? nodeOf(sibling, hash) : nodeOf(hash, sibling);
    }
    position = Math.floor(position / 2);
  }
  return used === proof.length && equalBytes(hash, root);
}

function levelAbove(level: Uint8Array): Uint8Array {
  const width = level.length / HASH_BYTES;
  const above = new Uint8Array(Math.ceil(width / 2) * HASH_BYTES);
  for (let i = 0; i < width; i += 2) {
    const at = i * HASH_BYTES;
    const to = at / 2;
    if (i + 1 === width) above.set(level.subarray(at, at + HASH_BYTES), to);
    else above.set(hashPair(level.subarray(at, at + 2 * HASH_BYTES)), to);
  }
  return above;
}

function nodeOf(left: Uint8Array, right: Uint8Array): Uint8Array {
  return createHash("sha256").update(NODE).update(left).update(right).digest();
}

function hashPair(pair: Uint8Array): Uint8Array {
  return createHash("sha256").update(NODE).update(pair).digest();
}

function checkList(pieces: Uint8Array): number {
  const count = pieces.length / HASH_BYTES;
  if (count >= 1 && Number.isInteger(count)) return count;
  throw new ProtocolError("bad-object", `piece list of ${pieces.length} bytes: allowed is a positive multiple of 32`);
}
