import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import type { Db } from "../db/database.ts";
import type { ApiKeysTable } from "../db/schema-control-api.ts";
import { idOfKey, isKeyOf, mintKey } from "./api-key.ts";
import type { Caller } from "./caller.ts";
import type { Scope } from "./scopes.ts";

/** Keys of a whole network; nobody needs more, and each is a row that somebody must look after. */
const MAX_KEYS = 10_000;
/** How exactly the last use is known, so that a busy key is not written down at every call. */
const USE_STEP_MS = 60_000;
/** Of a hash that no key has, so that an unknown id costs as much as a wrong secret. */
const NO_HASH = "0".repeat(64);

/** A key as it may be shown; never its secret. */
export interface ApiKey {
  id: string;
  name: string;
  scopes: Scope[];
  /** The only sites it is for. */
  sites?: string[];
  createdBy: string;
  createdAtMs: number;
  expiresAtMs?: number;
  lastUsedAtMs?: number;
  revokedAtMs?: number;
}

/** What a new key may do, and until when. */
export type KeyGrant = Pick<ApiKey, "name" | "scopes" | "sites" | "expiresAtMs">;

/** The keys of the control API. Nothing is cached: what was revoked, on whichever Router, is refused from the next call on. */
export class ApiKeys {
  readonly #deps: { db: Db; clock: Clock; randomBytes: (count: number) => Uint8Array };
  readonly #usedAtMs = new Map<string, number>();

  constructor(deps: { db: Db; clock: Clock; randomBytes: (count: number) => Uint8Array }) {
    this.#deps = deps;
  }

  /** Who holds that key; undefined when it is none, expired or revoked. */
  async callerOf(key: string): Promise<Caller | undefined> {
    const id = idOfKey(key);
    if (id === undefined) return undefined;
    const row = await this.#rows().where("id", "=", id).executeTakeFirst();
    const isRight = isKeyOf(key, row?.secret_hash ?? NO_HASH);
    if (row === undefined || !isRight) return undefined;
    const found = read(row);
    const nowMs = this.#deps.clock.nowMs();
    if (!isActive(found, nowMs)) return undefined;
    await this.#noteUse(id, nowMs);
    return { id, name: found.name, scopes: found.scopes, ...(found.sites && { sites: found.sites }) };
  }

  /**
   * Makes a key. `secret` is all that its holder needs, and is kept nowhere.
   * @throws NesonError `too-many-keys` (caller)
   */
  async create(grant: KeyGrant, createdBy: string): Promise<{ key: ApiKey; secret: string }> {
    const { db, clock, randomBytes } = this.#deps;
    const { count } = await db
      .selectFrom("api_keys")
      .select((columns) => columns.fn.countAll().as("count"))
      .executeTakeFirstOrThrow();
    if (Number(count) >= MAX_KEYS) {
      const message = `creating a key failed: there are ${MAX_KEYS}, the most allowed; remove revoked ones first`;
      throw new NesonError("too-many-keys", message, { fault: "caller" });
    }
    const { id, key, hash } = mintKey(randomBytes);
    const row: ApiKeysTable = {
      ...{ id, name: grant.name, secret_hash: hash, scopes: JSON.stringify(grant.scopes) },
      sites: grant.sites === undefined ? null : JSON.stringify(grant.sites),
      ...{ created_by: createdBy, created_at: clock.nowMs(), expires_at: grant.expiresAtMs ?? null },
      ...{ last_used_at: null, revoked_at: null },
    };
    await db.insertInto("api_keys").values(row).execute();
    return { key: read(row), secret: key };
  }

  /** Up to `limit` keys whose id comes after that one. */
  async list(afterId: string, limit: number): Promise<ApiKey[]> {
    return (await this.#rows().where("id", ">", afterId).orderBy("id").limit(limit).execute()).map(read);
  }

  async get(id: string): Promise<ApiKey | undefined> {
    const row = await this.#rows().where("id", "=", id).executeTakeFirst();
    return row === undefined ? undefined : read(row);
  }

  /** Ends a key at that time, or when it would have ended anyway. */
  async endAt(id: string, endsAtMs: number): Promise<void> {
    const key = await this.get(id);
    if (key === undefined || (key.expiresAtMs !== undefined && key.expiresAtMs <= endsAtMs)) return;
    await this.#deps.db.updateTable("api_keys").set({ expires_at: endsAtMs }).where("id", "=", id).execute();
  }

  /** Refuses a key from now on; what it did stays on record. */
  async revoke(id: string): Promise<void> {
    const revoked = { revoked_at: this.#deps.clock.nowMs() };
    const { db } = this.#deps;
    await db.updateTable("api_keys").set(revoked).where("id", "=", id).where("revoked_at", "is", null).execute();
  }

  /** Forgets a key altogether. */
  async remove(id: string): Promise<void> {
    await this.#deps.db.deleteFrom("api_keys").where("id", "=", id).execute();
  }

  async #noteUse(id: string, nowMs: number): Promise<void> {
    const notedMs = this.#usedAtMs.get(id) ?? 0;
    if (nowMs - notedMs < USE_STEP_MS) return;
    if (this.#usedAtMs.size > MAX_KEYS) this.#usedAtMs.clear();
    this.#usedAtMs.set(id, nowMs);
    await this.#deps.db.updateTable("api_keys").set({ last_used_at: nowMs }).where("id", "=", id).execute();
  }

  #rows() {
    return this.#deps.db.selectFrom("api_keys").selectAll();
  }
}

/** Whether a key opens anything now. */
export function isActive(key: ApiKey, nowMs: number): boolean {
  return key.revokedAtMs === undefined && (key.expiresAtMs === undefined || nowMs < key.expiresAtMs);
}

function read(row: ApiKeysTable): ApiKey {
  return {
    ...{ id: row.id, name: row.name, scopes: JSON.parse(row.scopes) },
    ...(row.sites !== null && { sites: JSON.parse(row.sites) }),
    ...{ createdBy: row.created_by, createdAtMs: Number(row.created_at) },
    ...(row.expires_at !== null && { expiresAtMs: Number(row.expires_at) }),
    ...(row.last_used_at !== null && { lastUsedAtMs: Number(row.last_used_at) }),
    ...(row.revoked_at !== null && { revokedAtMs: Number(row.revoked_at) }),
  };
}
