import { createHash, timingSafeEqual } from "node:crypto";
import { toBase64Url, toHex } from "@neson/protocol/bytes";

const ID_BYTES = 6;
const SECRET_BYTES = 32;
const KEY = /^nesk_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

/** A new key: what its holder sends, and what is kept of it. */
export interface MintedKey {
  id: string;
  /** "nesk_<id>_<secret>", shown once. */
  key: string;
  hash: string;
}

/** Draws a key of 256 random bits. */
export function mintKey(randomBytes: (count: number) => Uint8Array): MintedKey {
  const id = toHex(randomBytes(ID_BYTES));
  const key = `nesk_${id}_${toBase64Url(randomBytes(SECRET_BYTES))}`;
  return { id, key, hash: hashOf(key) };
}

/** The id inside a key, by which its row is found; undefined for text that is no key. */
export function idOfKey(key: string): string | undefined {
  return KEY.exec(key)?.[1];
}

/**
 * Whether that hash is of that key, in a time that tells nothing of either. One round of SHA-256 is enough: unlike a password, 256 random
 * bits cannot be guessed however fast guesses are, and a slow hash would let anyone keep the Router busy with wrong keys.
 */
export function isKeyOf(key: string, hash: string): boolean {
  const expected = Buffer.from(hash, "hex");
  const given = Buffer.from(hashOf(key), "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}
