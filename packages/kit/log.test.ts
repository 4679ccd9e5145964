import { expect, test } from "bun:test";
import { createLog, silentLog } from "./log.ts";

test("createLog() writes one JSON line with name, time and values, at its level and above", () => {
  const lines: string[] = [];
  const log = createLog({ name: "router", level: "info", destination: { write: (line) => void lines.push(line) } });
  log.debug("not shown");
  log.child({ part: "edge" }).warn({ site: "a" }, "origin is slow");
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0] ?? "");
  expect(line).toMatchObject({ name: "router", part: "edge", site: "a", msg: "origin is slow", level: 40 });
  expect(Number.isNaN(Date.parse(line.time))).toBe(false);
});

test("silentLog writes nothing", () => {
  expect(silentLog.isLevelEnabled("fatal")).toBe(false);
});
