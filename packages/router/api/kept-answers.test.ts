import { afterEach, beforeEach, expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import type { Db } from "../db/database.ts";
import { openTestDatabase } from "../db/testing/test-database.ts";
import { KeptAnswers } from "./kept-answers.ts";

const ANSWER = { status: 201, headers: [["location", "/x"]] as [string, string][], body: "{}" };
let db: Db;
let clock: FakeClock;
let kept: KeptAnswers;

beforeEach(async () => {
  db = await openTestDatabase(":memory:");
  clock = new FakeClock();
  kept = new KeptAnswers({ db, clock });
});

afterEach(() => db.destroy());

async function count(): Promise<number> {
  const counted = db.selectFrom("idempotency_keys").select((columns) => columns.fn.countAll().as("count"));
  return Number((await counted.executeTakeFirstOrThrow()).count);
}

test("begin() tells what is new, running, done and another request", async () => {
  expect(await kept.begin("a", "k", "d1")).toEqual({ state: "new" });
  expect(await kept.begin("a", "k", "d1")).toEqual({ state: "running" });
  expect(await kept.begin("a", "k", "d2")).toEqual({ state: "other" });
  await kept.keep("a", "k", ANSWER);
  expect(await kept.begin("a", "k", "d1")).toEqual({ state: "done", answer: ANSWER });
  await kept.forget("a", "k");
  expect(await kept.begin("a", "k", "d2")).toEqual({ state: "new" });
});

test("begin() lets a request be made again whose Router died over it, but not before it must be over", async () => {
  await kept.begin("a", "k", "d1");
  await clock.advance(120_000);
  expect((await kept.begin("a", "k", "d1")).state).toBe("running");
  await clock.advance(1);
  expect((await kept.begin("a", "k", "d1")).state).toBe("new");
});

test("keep() keeps no answer of over 64 KiB", async () => {
  await kept.begin("a", "k", "d1");
  await kept.keep("a", "k", { ...ANSWER, body: "x".repeat(65_537) });
  expect(await kept.begin("a", "k", "d1")).toEqual({ state: "done", answer: { ...ANSWER, body: null } });
});

test("begin() forgets what is over a day old, and of one caller what is beyond 10,000", async () => {
  const row = (index: number) => ({
    ...{ caller: "a", key: `k${index}`, request_digest: "d", status: 200, headers: "[]", body: null },
    created_at: clock.nowMs() + index,
  });
  for (let from = 0; from < 10_500; from += 500) {
    const rows = Array.from({ length: 500 }, (_, index) => row(from + index));
    await db.insertInto("idempotency_keys").values(rows).execute();
  }
  await clock.advance(20_000);
  await kept.begin("a", "new", "d");
  expect(await count()).toBe(10_001);
  expect((await kept.begin("a", "k10499", "d")).state).toBe("done");
  await clock.advance(2 * 86_400_000);
  await new KeptAnswers({ db, clock }).begin("b", "new", "d");
  expect(await count()).toBe(1);
});
