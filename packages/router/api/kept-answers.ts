import type { Clock } from "@neson/kit/clock";
import type { Db } from "../db/database.ts";

const KEPT_MS = 86_400_000;
/** A call that is marked as running for longer than any call may take was broken off with its Router. */
const ABANDONED_MS = 120_000;
const MAX_BODY_CHARS = 65_536;
/** Of one caller; beyond them the oldest go. */
const MAX_PER_CALLER = 10_000;
const SWEEP_EVERY = 100;

/** An answer as it is kept for repetitions. */
export interface KeptAnswer {
  status: number;
  headers: [string, string][];
  /** Null when it must not, or is too long to, be kept. */
  body: string | null;
}

/** What is known of a request's Idempotency-Key. */
export type Standing =
  /** Carry it out, then `keep` or `forget`. */
  | { state: "new" }
  /** The same request is being carried out. */
  | { state: "running" }
  /** The key came with another request. */
  | { state: "other" }
  | { state: "done"; answer: KeptAnswer };

/** Answers to requests with an Idempotency-Key, kept for a day so that a repetition gets the same and changes nothing. */
export class KeptAnswers {
  readonly #deps: { db: Db; clock: Clock };
  #begun = 0;

  constructor(deps: { db: Db; clock: Clock }) {
    this.#deps = deps;
  }

  /** Marks a request as running, unless it is known. */
  async begin(caller: string, key: string, requestDigest: string): Promise<Standing> {
    const { db, clock } = this.#deps;
    const nowMs = clock.nowMs();
    await this.#sweep(caller, nowMs);
    await this.#rowsOf(caller, key)
      .where((row) =>
        row.or([
          row("created_at", "<", nowMs - KEPT_MS),
          row.and([row("status", "=", 0), row("created_at", "<", nowMs - ABANDONED_MS)]),
        ]),
      )
      .execute();
    const mark = { caller, key, request_digest: requestDigest, status: 0, headers: "[]", body: null };
    // The primary key decides which of two simultaneous requests is carried out, also between Routers.
    const marked = await db
      .insertInto("idempotency_keys")
      .values({ ...mark, created_at: nowMs })
      .onConflict((conflict) => conflict.columns(["caller", "key"]).doNothing())
      .executeTakeFirst();
    if (Number(marked.numInsertedOrUpdatedRows ?? 0) > 0) return { state: "new" };
    const found = db.selectFrom("idempotency_keys").selectAll().where("caller", "=", caller).where("key", "=", key);
    const row = await found.executeTakeFirst();
    // It was forgotten between the two statements: whoever asks again will find it new.
    if (row === undefined) return { state: "running" };
    if (row.request_digest !== requestDigest) return { state: "other" };
    if (row.status === 0) return { state: "running" };
    return { state: "done", answer: { status: row.status, headers: JSON.parse(row.headers), body: row.body } };
  }

  /** Keeps the answer for repetitions. */
  async keep(caller: string, key: string, { status, headers, body }: KeptAnswer): Promise<void> {
    const kept = body === null || body.length > MAX_BODY_CHARS ? null : body;
    await this.#deps.db
      .updateTable("idempotency_keys")
      .set({ status, headers: JSON.stringify(headers), body: kept })
      .where("caller", "=", caller)
      .where("key", "=", key)
      .execute();
  }

  /** The call did not happen: a repetition is carried out. */
  async forget(caller: string, key: string): Promise<void> {
    await this.#rowsOf(caller, key).execute();
  }

  #rowsOf(caller: string, key: string) {
    return this.#deps.db.deleteFrom("idempotency_keys").where("caller", "=", caller).where("key", "=", key);
  }

  async #sweep(caller: string, nowMs: number): Promise<void> {
    this.#begun += 1;
    if (this.#begun % SWEEP_EVERY !== 1) return;
    const { db } = this.#deps;
    await db
      .deleteFrom("idempotency_keys")
      .where("created_at", "<", nowMs - KEPT_MS)
      .execute();
    const beyond = await db
      .selectFrom("idempotency_keys")
      .select("created_at")
      .where("caller", "=", caller)
      .orderBy("created_at", "desc")
      .limit(1)
      .offset(MAX_PER_CALLER)
      .executeTakeFirst();
    if (beyond === undefined) return;
    const old = db.deleteFrom("idempotency_keys").where("caller", "=", caller);
    await old.where("created_at", "<=", Number(beyond.created_at)).execute();
  }
}
