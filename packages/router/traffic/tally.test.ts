import { expect, test } from "bun:test";
import { SiteTally, Tallies } from "./tally.ts";

test("Tallies keeps sites apart and starts afresh once taken", () => {
  const tallies = new Tallies();
  tallies.of("a").total.requests += 1;
  tallies.of("a").of("status", "200").bytes += 5;
  tallies.of("b").total.requests += 2;
  const taken = tallies.take();
  expect([...(taken.get("a")?.counts() ?? [])]).toEqual([
    { dimension: "total", value: "", requests: 1, bytes: 0 },
    { dimension: "status", value: "200", requests: 0, bytes: 5 },
  ]);
  expect(taken.get("b")?.total.requests).toBe(2);
  expect(tallies.take().size).toBe(0);
});

test("SiteTally counts what exceeds a thousand values as other, and loses none of it", () => {
  const tally = new SiteTally();
  for (let i = 0; i < 1500; i++) tally.of("terminal", `t${i}`).requests += 1;
  const counts = [...tally.counts()].filter(({ dimension }) => dimension === "terminal");
  expect(counts.length).toBe(1001);
  expect(counts.find(({ value }) => value === "other")?.requests).toBe(500);
});
