import type { Kysely } from "kysely";
import type { Schema, TerminalReasonsTable } from "./schema.ts";

/** Reasons kept of each kind and Terminal, and shown in its standing. */
const MAX_REASONS = 20;
/** Longest reason as people read it. */
const MAX_REASON_CHARS = 300;

/** Notes why something was refused to, or held against, a Terminal; older reasons of the kind make room. */
export async function noteReason(
  db: Kysely<Schema>,
  note: { terminalId: string; kind: TerminalReasonsTable["kind"]; reason: string; count?: number; nowMs: number },
): Promise<void> {
  const { terminalId, kind, count = 1, nowMs } = note;
  const reason = note.reason.slice(0, MAX_REASON_CHARS);
  await db
    .insertInto("terminal_reasons")
    .values({ terminal_id: terminalId, kind, day: utcDayOf(nowMs), reason, count, last_at: nowMs })
    .onConflict((conflict) =>
      conflict
        .columns(["terminal_id", "kind", "day", "reason"])
        .doUpdateSet((row) => ({ count: row("terminal_reasons.count", "+", count), last_at: nowMs })),
    )
    .execute();
  const beyond = newest(db, terminalId, kind).select(["day", "reason"]).limit(MAX_REASONS).offset(MAX_REASONS);
  for (const row of await beyond.execute()) {
    await db
      .deleteFrom("terminal_reasons")
      .where("terminal_id", "=", terminalId)
      .where("kind", "=", kind)
      .where("day", "=", row.day)
      .where("reason", "=", row.reason)
      .execute();
  }
}

/** The latest reasons of one kind, newest first, each as one line for people with its day and how often. */
export async function reasonsOf(
  db: Kysely<Schema>,
  terminalId: string,
  kind: TerminalReasonsTable["kind"],
): Promise<string[]> {
  const rows = await newest(db, terminalId, kind).selectAll().limit(MAX_REASONS).execute();
  return rows.map(({ day, reason, count }) => {
    const often = Number(count) === 1 ? "" : ` (${count} times)`;
    return `${day}: ${reason.slice(0, MAX_REASON_CHARS - day.length - often.length - 2)}${often}`;
  });
}

/** The UTC day of a time, as "2026-11-22". */
export function utcDayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

function newest(db: Kysely<Schema>, terminalId: string, kind: TerminalReasonsTable["kind"]) {
  return db
    .selectFrom("terminal_reasons")
    .where("terminal_id", "=", terminalId)
    .where("kind", "=", kind)
    .orderBy("last_at", "desc")
    .orderBy("day", "desc")
    .orderBy("reason")
    .$castTo<TerminalReasonsTable>();
}
