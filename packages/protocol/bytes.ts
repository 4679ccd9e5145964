import { createHash } from "node:crypto";

const HEX = /^(?:[0-9a-f]{2})*$/;

/** Lower-case hex of the bytes. */
export function toHex(bytes: Uint8Array): string {
  return asBuffer(bytes).toString("hex");
}

/** The bytes of a lower-case hex string; undefined for an odd length, upper case or any other character. */
export function fromHex(text: string): Uint8Array | undefined {
  return HEX.test(text) ? Buffer.from(text, "hex") : undefined;
}

/** Unpadded base64url (RFC 4648 section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  return asBuffer(bytes).toString("base64url");
}

/**
 * The bytes of unpadded base64url; undefined unless the text is the one spelling that `toBase64Url` writes: padding,
 * the `+/` alphabet and leftover bits are refused, so that two texts never stand for the same bytes.
 */
export function fromBase64Url(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}

/** Compares without leaking through timing where the first difference is. Lengths are not secret. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** SHA-256 (FIPS 180-4), 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

/** HMAC-SHA256 (RFC 2104) over the parts one after another, 32 bytes. Strings count as UTF-8. */
export function hmacSha256(key: Uint8Array, ...parts: (Uint8Array | string)[]): Uint8Array {
  // Bun's own hasher: 0.39 µs a call against 0.59 µs for node:crypto's createHmac, on the path of every request.
  const hasher = new Bun.CryptoHasher("sha256", key);
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}

const keyedHashers = new WeakMap<Uint8Array, Bun.CryptoHasher>();

/**
 * The same for a key that is used again and again and never changes: what depends on the key alone is worked out once (0.25 µs a call instead of
 * 0.59 µs). It is remembered for as long as the key's array is.
 */
export function keyedHmacSha256(key: Uint8Array, ...parts: (Uint8Array | string)[]): Uint8Array {
  let keyed = keyedHashers.get(key);
  if (keyed === undefined) {
    keyed = new Bun.CryptoHasher("sha256", key);
    keyedHashers.set(key, keyed);
  }
  const hasher = keyed.copy();
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}

/** A view, without copying, that has Buffer's reading methods. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
