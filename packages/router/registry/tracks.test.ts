import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { standingSchema } from "@neson/protocol/standing";
import { openTestDatabase } from "../db/testing/test-database.ts";
import { createTracks, type Tracks } from "./tracks.ts";

const TERMINAL = "ab".repeat(32);

async function inTracks(run: (tracks: Tracks, clock: FakeClock) => Promise<void>): Promise<void> {
  const db = await openTestDatabase(":memory:");
  const clock = new FakeClock(Date.UTC(2026, 10, 22, 12));
  try {
    await run(createTracks({ db, clock }), clock);
  } finally {
    await db.destroy();
  }
}

test("of() has no checks of a Terminal that was never checked", async () => {
  await inTracks(async (tracks) => {
    const { corrupt, unknown, offline } = await tracks.of(TERMINAL);
    for (const track of [corrupt, unknown, offline]) {
      expect(track).toMatchObject({ checks: 0, failures: 0, score: 0, limit: 13.8, reasons: [] });
    }
  });
});

test("noteCheck() counts each outcome on the tracks it says something about, and never below 0", async () => {
  await inTracks(async (tracks) => {
    await tracks.noteCheck(TERMINAL, "good", "");
    await tracks.noteCheck(TERMINAL, "offline", "no answer");
    await tracks.noteCheck(TERMINAL, "unknown", "unreadable");
    await tracks.noteCheck(TERMINAL, "corrupt", "wrong bytes");
    await tracks.noteCheck(TERMINAL, "good", "");
    await tracks.noteCheck("cd".repeat(32), "corrupt", "another's");
    const { corrupt, unknown, offline } = await tracks.of(TERMINAL);
    expect(corrupt).toMatchObject({ checks: 3, failures: 1, reasons: ["2026-11-22: wrong bytes"] });
    expect(unknown).toMatchObject({ checks: 4, failures: 1, reasons: ["2026-11-22: unreadable"] });
    expect(offline).toMatchObject({ checks: 5, failures: 1, reasons: ["2026-11-22: no answer"] });
    expect(corrupt.score).toBeCloseTo(3.22 - 0.0493, 10);
    expect(unknown.score).toBeCloseTo(3.22 - 2 * 0.0493, 10);
    expect(offline.score).toBeCloseTo(3.22 - 3 * 0.0493, 10);
  });
});

test("the score passes its limit at the fifth failure in a row", async () => {
  await inTracks(async (tracks) => {
    const scores: boolean[] = [];
    for (let n = 0; n < 5; n += 1) {
      await tracks.noteCheck(TERMINAL, "corrupt", "wrong bytes");
      const { score, limit } = (await tracks.of(TERMINAL)).corrupt;
      scores.push(score >= limit);
    }
    expect(scores).toEqual([false, false, false, false, true]);
  });
});

test("noteLostConnection() lists what happened with how often, and moves no score", async () => {
  await inTracks(async (tracks, clock) => {
    await tracks.noteLostConnection(TERMINAL, "silence");
    await tracks.noteLostConnection(TERMINAL, "silence");
    await clock.advance(86_400_000);
    await tracks.noteLostConnection(TERMINAL, "silence");
    expect((await tracks.of(TERMINAL)).offline).toMatchObject({
      checks: 0,
      score: 0,
      reasons: ["2026-11-23: silence", "2026-11-22: silence (2 times)"],
    });
  });
});

test("reasons stay within what a standing may carry, however many and however long", async () => {
  await inTracks(async (tracks, clock) => {
    for (let n = 0; n < 30; n += 1) {
      await clock.advance(1000);
      await tracks.noteCheck(TERMINAL, "corrupt", `${n} ${"x".repeat(400)}`);
      await tracks.noteCheck(TERMINAL, "corrupt", `${n} ${"x".repeat(400)}`);
    }
    const track = (await tracks.of(TERMINAL)).corrupt;
    expect(track.reasons.length).toBe(20);
    expect(track.reasons[0]).toStartWith("2026-11-22: 29 xxx");
    expect(track.reasons[0]).toEndWith(" (2 times)");
    expect(standingSchema.shape.tracks.shape.corrupt.parse(track)).toEqual(track);
  });
});
