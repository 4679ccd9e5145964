import { hash } from "node:crypto";
import { toHex } from "./bytes.ts";

const DIGEST_BYTES = 32;
const DOMAIN = Buffer.from("neson-index-1\n");
const OBJECT_ID_BYTES = 32;
const HEADERS_ID_BYTES = 8;

// An index of a million pairs is digested pair by pair: what is hashed is laid out in one buffer that each call writes over.
const HASHED = Buffer.alloc(DOMAIN.length + OBJECT_ID_BYTES + HEADERS_ID_BYTES);
HASHED.set(DOMAIN);

/**
 * Digest of a set of (objectId, headersId) pairs that does not depend on their order and follows each change at the cost
 * of one hash: the XOR of SHA-256("neson-index-1\n" ‖ objectId ‖ headersId) over the pairs, both as raw bytes.
 *
 * It tells two honest lists apart; it is no proof of possession. Adding a pair twice takes it out again, so callers add
 * a pair only when it is new and remove it only when it was there.
 */
export class IndexDigest {
  readonly #sum = new Uint8Array(DIGEST_BYTES);

  /** Takes in a pair that is not yet in the set. */
  add(objectId: string, headersId: string): void {
    this.#toggle(objectId, headersId);
  }

  /** Takes out a pair that is in the set. */
  remove(objectId: string, headersId: string): void {
    this.#toggle(objectId, headersId);
  }

  /** 64 hex characters; all zero for the empty set. */
  toString(): string {
    return toHex(this.#sum);
  }

  #toggle(objectId: string, headersId: string): void {
    HASHED.write(objectId, DOMAIN.length, "hex");
    HASHED.write(headersId, DOMAIN.length + OBJECT_ID_BYTES, "hex");
    const digest = hash("sha256", HASHED, "buffer");
    for (let i = 0; i < DIGEST_BYTES; i++) this.#sum[i] = (this.#sum[i] as number) ^ (digest[i] as number);
  }
}
