import { randomBytes } from "node:crypto";
import { toHex } from "@neson/protocol/bytes";

const NONCE_BYTES = 32;

/** A value that nobody can guess and that never comes again, as lower-case hexadecimal. */
export function freshNonce(): string {
  return toHex(randomBytes(NONCE_BYTES));
}
