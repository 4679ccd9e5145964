import { join } from "node:path";
import { readOrCreateSecret } from "@neson/kit/files";
import { type Identity, identityFromSeed } from "@neson/protocol/identity";

const SEED_BYTES = 32;

/**
 * The Terminal's key, made on first start in `identity.key` (mode 0600). Whoever has this file is this Terminal.
 *
 * @throws NesonError `bad-secret` (operator) when the file has another length
 */
export function openIdentity(dataDir: string): Identity {
  return identityFromSeed(readOrCreateSecret(join(dataDir, "identity.key"), SEED_BYTES));
}
