import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@neson/kit/log";
import { until } from "../edge/testbed.ts";
import { AccessLog } from "./access-log.ts";
import type { AccessRecord } from "./access-record.ts";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function place(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "neson-access-"));
  cleanups.push(() => rm(directory, { recursive: true }));
  return join(directory, "access.log");
}

function record(target: string): AccessRecord {
  return {
    ...{ time: "2026-11-22T00:00:00.000Z", site: "shop", host: "shop.example", method: "GET", target },
    ...{ httpVersion: "1.1", status: 200, bytes: 1, complete: true, durationMs: 1, answerMs: 1 },
    ...{ outcome: "hit", clientNetwork: "192.0.2.0/24", steps: [] },
  };
}

async function targetsIn(path: string): Promise<string[]> {
  const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line).target);
}

test("AccessLog writes one JSON object a line, whatever a target holds", async () => {
  const path = await place();
  const log = await AccessLog.open(path, silentLog);
  log.add(record("/a"));
  log.add(record('/b"\n{'));
  await log[Symbol.asyncDispose]();
  expect(await targetsIn(path)).toEqual(["/a", '/b"\n{']);
});

test("AccessLog begins a new file when the old one was moved away, and loses nothing", async () => {
  const path = await place();
  const log = await AccessLog.open(path, silentLog);
  log.add(record("/1"));
  await rename(path, `${path}.1`);
  log.add(record("/2"));
  await until(() => existsSync(path), "the new file");
  log.add(record("/3"));
  await log[Symbol.asyncDispose]();
  expect([...(await targetsIn(`${path}.1`)), ...(await targetsIn(path))]).toEqual(["/1", "/2", "/3"]);
  expect(await targetsIn(path)).toContain("/3");
});

test("AccessLog.open() says what is wrong with a place that cannot be written", async () => {
  const path = join(await place(), "below-a-file");
  expect(AccessLog.open(path, silentLog)).rejects.toThrow(`opening the access log ${path} failed`);
});
