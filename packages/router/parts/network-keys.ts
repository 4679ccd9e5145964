import { existsSync } from "node:fs";
import { join } from "node:path";
import { NesonError } from "@neson/kit/error";
import { readOrCreateSecret } from "@neson/kit/files";
import { hmacSha256, sha256, toHex } from "@neson/protocol/bytes";
import { deriveFillKey } from "@neson/protocol/fill-ticket";
import { type Identity, identityFromSeed } from "@neson/protocol/identity";
import type { Db } from "../db/database.ts";
import { isPostgres } from "../db/postgres.ts";
import { IDENTITY_KEY_FILE, MASTER_KEY_FILE, SECRET_BYTES } from "./key-names.ts";

/** Secrets that outlive the process, the same on every Router of a network, and what is derived from them. */
export interface NetworkKeys {
  master: Uint8Array;
  identity: Identity;
  fill: Uint8Array;
  /** What Routers of the network know each other's messages by. */
  bus: Uint8Array;
  /** 32 hex digits that tell these keys from others and give nothing of them away. */
  fingerprint: string;
}

/**
 * Opens the keys in a directory. On a database of one Router they are made when they are not there. A database that Routers share is bound to the keys of
 * the first of them: any other key would sign tickets that nobody else honours, and manifests that Terminals refuse.
 *
 * @throws NesonError `other-keys` (operator) when the database is bound to keys that are not these
 */
export async function openNetworkKeys(directory: string, db: Db): Promise<NetworkKeys> {
  if (!isPostgres(db)) return readKeys(directory);
  const bound = await boundFingerprint(db);
  const missing = [MASTER_KEY_FILE, IDENTITY_KEY_FILE].filter((name) => !existsSync(join(directory, name)));
  if (bound !== undefined && missing.length > 0)
    throw otherKeys(directory, `there is no ${missing.join(" and no ")}`, bound);
  const keys = readKeys(directory);
  await db
    .insertInto("network_facts")
    .values({ name: "keys", value: keys.fingerprint })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const binding = await boundFingerprint(db);
  if (binding !== keys.fingerprint) throw otherKeys(directory, `the keys there have ${keys.fingerprint}`, binding);
  return keys;
}

function readKeys(directory: string): NetworkKeys {
  const master = readOrCreateSecret(join(directory, MASTER_KEY_FILE), SECRET_BYTES);
  const identity = identityFromSeed(readOrCreateSecret(join(directory, IDENTITY_KEY_FILE), SECRET_BYTES));
  return {
    ...{ master, identity, fill: deriveFillKey(master), bus: hmacSha256(master, "neson-bus-1\n") },
    fingerprint: toHex(sha256(hmacSha256(master, "neson-network-1\n", identity.publicKey))).slice(0, 32),
  };
}

async function boundFingerprint(db: Db): Promise<string | undefined> {
  const rows = db.selectFrom("network_facts").select("value").where("name", "=", "keys");
  return (await rows.executeTakeFirst())?.value;
}

function otherKeys(directory: string, found: string, bound: string | undefined): NesonError {
  const message =
    `the database belongs to Routers whose keys have the fingerprint ${bound}; in ${directory} ${found}. ` +
    `Copy ${MASTER_KEY_FILE} and ${IDENTITY_KEY_FILE} there from the data directory of one of them, or name another database`;
  return new NesonError("other-keys", message, { fault: "operator", details: { directory } });
}
