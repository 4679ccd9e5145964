import { createHash } from "node:crypto";
import { fromHex, toHex } from "./bytes.ts";
import { ProtocolError } from "./error.ts";
import { HASH_BYTES, treeRoot } from "./tree.ts";

/** Bytes of every piece but the last: 256 KiB. */
export const PIECE_BYTES = 262_144;

/** The largest object the network carries: 1 TiB, whose piece list is 128 MiB. */
export const MAX_OBJECT_BYTES = 2 ** 40;

const DOMAIN = "neson-object-1";

/** 64 lower-case hex characters: `deriveObjectId`. */
export type ObjectId = string;

/** One immutable representation, described so that every byte of it can be checked. */
export interface ObjectDescription {
  objectId: ObjectId;
  /** Bytes of the whole. */
  size: number;
  /** Bytes of every piece but the last. */
  pieceSize: number;
  /** SHA-256 of the whole, 64 hex characters. */
  sha256: string;
  /** SHA-256 of each piece, 32 bytes each, one after another. */
  pieces: Uint8Array;
}

/** How many pieces an object of `size` bytes has. The empty object has one empty piece. */
export function pieceCount(size: number, pieceSize: number = PIECE_BYTES): number {
  return size === 0 ? 1 : Math.ceil(size / pieceSize);
}

/**
 * Where a piece lies in its object: offset of its first byte and its length in bytes.
 *
 * @throws ProtocolError `bad-object` for an index the object does not have
 */
export function pieceSpan(
  index: number,
  size: number,
  pieceSize: number = PIECE_BYTES,
): { first: number; length: number } {
  const count = pieceCount(size, pieceSize);
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw new ProtocolError("bad-object", `span of piece ${index}: allowed are 0 to ${count - 1}`);
  }
  const first = index * pieceSize;
  return { first, length: Math.min(pieceSize, size - first) };
}

/**
 * SHA-256("neson-object-1" ‖ size u64 ‖ pieceSize u32 ‖ treeRoot ‖ sha256), as 64 hex characters. Integers are
 * big-endian. The size and the piece size are hashed in so that an id fixes the shape of its tree.
 *
 * @throws ProtocolError `bad-object` for a number or hash outside its bound
 */
export function deriveObjectId(object: {
  size: number;
  pieceSize: number;
  treeRoot: Uint8Array;
  sha256: string;
}): ObjectId {
  const whole = fromHex(object.sha256);
  if (!isWithin(object.size, 0, MAX_OBJECT_BYTES) || !isWithin(object.pieceSize, 1, 0xffff_ffff)) {
    throw new ProtocolError(
      "bad-object",
      `object of ${object.size} bytes in pieces of ${object.pieceSize}: allowed are 0 to ${MAX_OBJECT_BYTES} bytes`,
    );
  }
  if (object.treeRoot.length !== HASH_BYTES || whole?.length !== HASH_BYTES) {
    throw new ProtocolError("bad-object", "object id: tree root and SHA-256 of the whole must be 32 bytes each");
  }
  const numbers = Buffer.alloc(12);
  numbers.writeBigUInt64BE(BigInt(object.size), 0);
  numbers.writeUInt32BE(object.pieceSize, 8);
  return createHash("sha256").update(DOMAIN).update(numbers).update(object.treeRoot).update(whole).digest("hex");
}

/** Whether the description is true to its object id: the piece list has the right length and all of it gives the id. */
export function describesObject(description: ObjectDescription): boolean {
  const { objectId, size, pieceSize, sha256, pieces } = description;
  if (!isWithin(size, 0, MAX_OBJECT_BYTES) || !isWithin(pieceSize, 1, 0xffff_ffff)) return false;
  if (pieces.length !== pieceCount(size, pieceSize) * HASH_BYTES) return false;
  if (fromHex(sha256)?.length !== HASH_BYTES) return false;
  return deriveObjectId({ size, pieceSize, treeRoot: treeRoot(pieces), sha256 }) === objectId;
}

/** Describes an object while its bytes stream past, in chunks of any length; holds one piece list and no data. */
export class ObjectHasher {
  readonly #whole = createHash("sha256");
  #piece = createHash("sha256");
  #pieceFill = 0;
  #size = 0;
  #pieces = new Uint8Array(64 * HASH_BYTES);
  #count = 0;
  #finished = false;

  /** @throws ProtocolError `bad-object` once more than `MAX_OBJECT_BYTES` have passed, or after `finish` */
  update(chunk: Uint8Array): void {
    if (this.#finished) throw new ProtocolError("bad-object", "object hasher: update after finish");
    if (this.#size + chunk.length > MAX_OBJECT_BYTES) {
      throw new ProtocolError("bad-object", `object longer than ${MAX_OBJECT_BYTES} bytes, the most allowed`);
    }
    this.#size += chunk.length;
    this.#whole.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + PIECE_BYTES - this.#pieceFill);
      this.#piece.update(part);
      this.#pieceFill += part.length;
      at += part.length;
      if (this.#pieceFill === PIECE_BYTES) this.#closePiece();
    }
  }

  /** The description of everything passed to `update`. May be called once. */
  finish(): ObjectDescription {
    if (this.#finished) throw new ProtocolError("bad-object", "object hasher: finished twice");
    this.#finished = true;
    if (this.#pieceFill > 0 || this.#count === 0) this.#closePiece();
    const pieces = this.#pieces.slice(0, this.#count * HASH_BYTES);
    const sha256 = toHex(this.#whole.digest());
    const shape = { size: this.#size, pieceSize: PIECE_BYTES, sha256 };
    return { objectId: deriveObjectId({ ...shape, treeRoot: treeRoot(pieces) }), ...shape, pieces };
  }

  #closePiece(): void {
    const at = this.#count * HASH_BYTES;
    if (at === this.#pieces.length) {
      const grown = new Uint8Array(at * 2);
      grown.set(this.#pieces);
      this.#pieces = grown;
    }
    this.#pieces.set(this.#piece.digest(), at);
    this.#count += 1;
    this.#piece = createHash("sha256");
    this.#pieceFill = 0;
  }
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isSafeInteger(value) && value >= low && value <= high;
}
