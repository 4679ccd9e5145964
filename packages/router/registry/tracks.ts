import type { Clock } from "@neson/kit/clock";
import { type Standing, TRACKS } from "@neson/protocol/standing";
import type { Kysely } from "kysely";
import type { Db } from "../db/database.ts";
import { noteReason, reasonsOf } from "../db/reasons.ts";
import type { Schema } from "../db/schema.ts";
import { holdNames, transact } from "../db/transaction.ts";

/** One of the three tracks. */
export type Track = (typeof TRACKS)[number];

/** What a check found: nothing wrong, or what on which track. */
export type CheckOutcome = "good" | Track;

/** A sequential test of a rate of missing pieces of 0.2% against 5%, errors 1e-6 and 1e-3: a failure's weight, a passed check's, the sum that condemns. */
const FAIL_SCORE = 3.22;
const PASS_SCORE = -0.0493;
const LIMIT = 13.8;

const CONSEQUENCE = "nothing by itself: the Router's operator sees the score and decides";

/** The tracks that a check of that outcome says something about: who did not answer has shown neither good nor bad bytes. */
const TRACKS_TESTED: Record<CheckOutcome, readonly Track[]> = {
  good: TRACKS,
  corrupt: TRACKS,
  unknown: ["unknown", "offline"],
  offline: ["offline"],
};

/** What is held against Terminals, kept apart by track. */
export interface Tracks {
  /** Counts one spot check. `reason` is for people; unused when the outcome is good. */
  noteCheck(terminalId: string, outcome: CheckOutcome, reason: string): Promise<void>;
  /** A connection ended without `leave`, or viewers get no answer. It is no check, so it is listed among the reasons and moves no score. */
  noteLostConnection(terminalId: string, reason: string): Promise<void>;
  of(terminalId: string): Promise<Standing["tracks"]>;
}

/** Opens the tracks in the Router's database. */
export function createTracks(deps: { db: Db; clock: Clock }): Tracks {
  const { db, clock } = deps;
  const readSums = async (from: Kysely<Schema>, terminalId: string, track: Track) => {
    const rows = from.selectFrom("terminal_tracks").selectAll().where("terminal_id", "=", terminalId);
    const row = await rows.where("track", "=", track).executeTakeFirst();
    return { checks: Number(row?.checks ?? 0), failures: Number(row?.failures ?? 0), score: row?.score ?? 0 };
  };
  const count = async (transaction: Kysely<Schema>, terminalId: string, track: Track, isFailure: boolean) => {
    const sums = await readSums(transaction, terminalId, track);
    const values = {
      checks: sums.checks + 1,
      failures: sums.failures + (isFailure ? 1 : 0),
      score: Math.max(0, sums.score + (isFailure ? FAIL_SCORE : PASS_SCORE)),
    };
    await transaction
      .insertInto("terminal_tracks")
      .values({ terminal_id: terminalId, track, ...values })
      .onConflict((conflict) => conflict.columns(["terminal_id", "track"]).doUpdateSet(values))
      .execute();
  };
  const standingOf = async (terminalId: string, track: Track): Promise<Standing["tracks"][Track]> => ({
    ...(await readSums(db, terminalId, track)),
    limit: LIMIT,
    consequence: CONSEQUENCE,
    reasons: await reasonsOf(db, terminalId, track),
  });
  return {
    noteCheck: async (terminalId, outcome, reason) => {
      const nowMs = clock.nowMs();
      await transact(db, async (transaction) => {
        // A Terminal that has just moved is checked by two Routers.
        await holdNames(transaction, [`tracks ${terminalId}`]);
        for (const track of TRACKS_TESTED[outcome]) await count(transaction, terminalId, track, track === outcome);
        if (outcome !== "good") await noteReason(transaction, { terminalId, kind: outcome, reason, nowMs });
      });
    },
    noteLostConnection: (terminalId, reason) =>
      noteReason(db, { terminalId, kind: "offline", reason, nowMs: clock.nowMs() }),
    of: async (terminalId) => ({
      corrupt: await standingOf(terminalId, "corrupt"),
      unknown: await standingOf(terminalId, "unknown"),
      offline: await standingOf(terminalId, "offline"),
    }),
  };
}
