import { expect, test } from "bun:test";
import { createLog } from "@neson/kit/log";
import { describeBytes, seededBytes } from "../testing/objects.ts";
import { openTestStore } from "../testing/start-store.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { until } from "../testing/until.ts";
import { Evictor } from "./evictor.ts";
import { RankRows } from "./evictor-rank-rows.ts";
import { keepUp } from "./evictor-upkeep.ts";
import { AgedFreq } from "./priority.ts";

function open(dataDir: string) {
  const opened = openTestStore(dataDir);
  const lines: { level: number; msg: string }[] = [];
  const log = createLog({ name: "t", level: "info", destination: { write: (line) => lines.push(JSON.parse(line)) } });
  const ranks = new RankRows(opened.index);
  const policy = new AgedFreq({ capacityBytes: opened.store.quotaBytes });
  const evictor = new Evictor({ ...opened, policy, ranks, send: () => true, log });
  const objects = [1, 2, 3].map((seed) => opened.store.begin(describeBytes(seededBytes(1000, seed))));
  const counts = () => opened.rows.all().map((row) => row.request_count);
  return { ...opened, evictor, ranks, objects, lines, log, counts, [Symbol.dispose]: () => opened[Symbol.dispose]() };
}

test("keepUp() writes counts and ranks each second, and the rest when it ends", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  const [first, second] = run.objects;
  if (first === undefined || second === undefined) throw new Error("too few");
  const upkeep = keepUp(run);
  run.store.noteUse(first, 1);
  run.store.noteUse(first, 2);
  await until("they are written", () => run.counts()[0] === 2 && run.ranks.all().size === 3);
  run.store.noteUse(second, 3);
  upkeep[Symbol.dispose]();
  expect(run.counts()).toEqual([2, 1, 0]);
});

test("keepUp() tells once of an index that takes no writes, and writes when it does", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  const [first] = run.objects;
  if (first !== undefined) run.store.noteUse(first, 1);
  run.index.run("PRAGMA query_only = 1");
  using _upkeep = keepUp(run);
  await until("it is told", () => run.lines.length >= 2);
  await Bun.sleep(1200);
  const messages = run.lines.filter(({ level }) => level === 50).map(({ msg }) => msg.split(" failed")[0] ?? "");
  expect(messages.sort()).toEqual(["writing ranks", "writing use counts"]);
  run.index.run("PRAGMA query_only = 0");
  await until("they are written", () => run.counts()[0] === 1 && run.ranks.all().size === 3);
});
