import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from "node:crypto";
import { fromBase64Url, fromHex, sha256, toBase64Url, toHex } from "./bytes.ts";
import { ProtocolError } from "./error.ts";

/** 64 lower-case hex characters: `terminalIdOf`. */
export type TerminalId = string;

/** An Ed25519 key pair (RFC 8032). */
export interface Identity {
  /** Raw public key, 64 hex characters. */
  publicKey: string;
  /** The 32-byte secret; whoever has it is this node. */
  seed: Uint8Array;
  /** Signature over the bytes, 64 bytes as base64url. */
  sign(bytes: Uint8Array): string;
}

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
// RFC 8410 section 7 and 4: the fixed DER around a raw Ed25519 seed or public key, which is how node:crypto takes them.
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** A new identity from the system's randomness. */
export function generateIdentity(): Identity {
  return identityFromSeed(randomBytes(KEY_BYTES));
}

/**
 * The identity that a stored seed stands for.
 *
 * @throws ProtocolError `bad-key` unless the seed is 32 bytes
 */
export function identityFromSeed(seed: Uint8Array): Identity {
  if (seed.length !== KEY_BYTES) {
    throw new ProtocolError("bad-key", `identity seed of ${seed.length} bytes: allowed are ${KEY_BYTES}`);
  }
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return {
    publicKey: toHex(spki.subarray(SPKI_PREFIX.length)),
    seed: Uint8Array.from(seed),
    sign: (bytes) => toBase64Url(sign(null, bytes, privateKey)),
  };
}

/** Whether the signature over the bytes is the key's. False, never an error, for a malformed key or signature. */
export function verifySignature(publicKey: string, bytes: Uint8Array, signature: string): boolean {
  const raw = fromBase64Url(signature);
  if (raw?.length !== SIGNATURE_BYTES) return false;
  const key = readPublicKey(publicKey);
  if (key === undefined) return false;
  try {
    return verify(null, bytes, key, raw);
  } catch {
    return false; // a point that is not on the curve
  }
}

/**
 * A Terminal's id: SHA-256 of its raw public key, 64 hex characters.
 *
 * @throws ProtocolError `bad-key` unless the key is 64 hex characters
 */
export function terminalIdOf(publicKey: string): TerminalId {
  const raw = fromHex(publicKey);
  if (raw?.length !== KEY_BYTES) {
    throw new ProtocolError(
      "bad-key",
      `public key of ${publicKey.length} characters: allowed are 64 of lower-case hex`,
    );
  }
  return toHex(sha256(raw));
}

function readPublicKey(publicKey: string): KeyObject | undefined {
  const raw = fromHex(publicKey);
  if (raw?.length !== KEY_BYTES) return undefined;
  try {
    return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: "der", type: "spki" });
  } catch {
    return undefined;
  }
}
