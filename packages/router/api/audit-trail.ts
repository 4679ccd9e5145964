import type { Clock } from "@neson/kit/clock";
import { toHex } from "@neson/protocol/bytes";
import type { Db } from "../db/database.ts";
import type { AuditTrailTable } from "../db/schema-control-api.ts";

const KEPT_MS = 400 * 86_400_000;
const MAX_RECORDS = 1_000_000;
/** Records written between two looks for old ones. */
const SWEEP_EVERY = 1000;
const MAX_CHARS = 500;
/** Tells apart what several Routers write at once. */
const RANDOM_BYTES = 4;

/** One call that changed something, or tried to. */
export interface AuditRecord {
  /** Sorts by time. */
  id: string;
  atMs: number;
  /** "operator" or the id of a key. */
  caller: string;
  callerName: string;
  address: string;
  /** The call's id, "putSite". */
  call: string;
  path: string;
  site?: string;
  status: number;
  /** Of the refusal. */
  code?: string;
  summary: string;
  requestId: string;
}

/** What the trail is asked for, newest first. */
export interface AuditQuery {
  /** Only these sites; all, and what concerns none, when undefined. */
  sites?: readonly string[] | undefined;
  caller?: string | undefined;
  /** Only records before this one. */
  beforeId?: string | undefined;
  limit: number;
}

/** Who changed what through the control API: 400 days, at most a million records. */
export class AuditTrail {
  readonly #deps: { db: Db; clock: Clock; randomBytes: (count: number) => Uint8Array };
  #written = 0;
  /** Of the latest record: milliseconds, and its place among those of the same one. */
  #latest = { ms: 0, place: 0 };

  constructor(deps: { db: Db; clock: Clock; randomBytes: (count: number) => Uint8Array }) {
    this.#deps = deps;
  }

  /** Adds a record of what just happened. */
  async add(record: Omit<AuditRecord, "id" | "atMs">): Promise<void> {
    const { db, clock, randomBytes } = this.#deps;
    const at = clock.nowMs();
    const row: AuditTrailTable = {
      ...{ id: `${this.#nextPlace(at)}${toHex(randomBytes(RANDOM_BYTES))}`, at },
      ...{ caller: record.caller, caller_name: record.callerName, address: record.address },
      ...{ call: record.call, path: record.path.slice(0, MAX_CHARS), site: record.site ?? null },
      ...{ status: record.status, code: record.code ?? null, request_id: record.requestId },
      summary: record.summary.slice(0, MAX_CHARS),
    };
    await db.insertInto("audit_trail").values(row).execute();
    this.#written += 1;
    if (this.#written % SWEEP_EVERY === 1) await this.#sweep(at);
  }

  /** Records, newest first. */
  async read({ sites, caller, beforeId, limit }: AuditQuery): Promise<AuditRecord[]> {
    let rows = this.#deps.db.selectFrom("audit_trail").selectAll();
    // A list is never empty in SQL: PostgreSQL refuses "in ()".
    if (sites !== undefined) rows = rows.where("site", "in", sites.length === 0 ? [""] : [...sites]);
    if (caller !== undefined) rows = rows.where("caller", "=", caller);
    if (beforeId !== undefined) rows = rows.where("id", "<", beforeId);
    return (await rows.orderBy("id", "desc").limit(limit).execute()).map(recordOf);
  }

  /** What an id begins with: later records sort later, also within a millisecond and when the clock was set back. */
  #nextPlace(nowMs: number): string {
    const isLater = nowMs > this.#latest.ms;
    this.#latest = isLater ? { ms: nowMs, place: 0 } : { ms: this.#latest.ms, place: this.#latest.place + 1 };
    return this.#latest.ms.toString(16).padStart(12, "0") + this.#latest.place.toString(16).padStart(6, "0");
  }

  async #sweep(nowMs: number): Promise<void> {
    const { db } = this.#deps;
    await db
      .deleteFrom("audit_trail")
      .where("at", "<", nowMs - KEPT_MS)
      .execute();
    const beyond = db.selectFrom("audit_trail").select("id").orderBy("id", "desc").limit(1).offset(MAX_RECORDS);
    const oldest = await beyond.executeTakeFirst();
    if (oldest !== undefined) await db.deleteFrom("audit_trail").where("id", "<=", oldest.id).execute();
  }
}

function recordOf(row: AuditTrailTable): AuditRecord {
  return {
    ...{ id: row.id, atMs: Number(row.at), caller: row.caller, callerName: row.caller_name, address: row.address },
    ...{ call: row.call, path: row.path, ...(row.site !== null && { site: row.site }) },
    ...{ status: row.status, ...(row.code !== null && { code: row.code }) },
    ...{ summary: row.summary, requestId: row.request_id },
  };
}
