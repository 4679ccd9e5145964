import { expect, test } from "bun:test";
import { cpuSeconds, parseStat } from "./cpu-time.ts";

test("parseStat() reads parent and processor time whatever the name", () => {
  const line = "42 (a) b (c) S 7 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 100 1000 10\n";
  expect(parseStat(line)).toEqual({ pid: 42, parentPid: 7, cpuSeconds: 2 });
  expect(parseStat("")).toBeUndefined();
});

test("cpuSeconds() grows while this process works", async () => {
  const before = await cpuSeconds(process.pid);
  const until = performance.now() + 60;
  while (performance.now() < until) Math.sqrt(until);
  expect(await cpuSeconds(process.pid)).toBeGreaterThan(before);
});
