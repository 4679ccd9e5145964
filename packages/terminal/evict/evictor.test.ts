import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { silentLog } from "@neson/kit/log";
import type { TerminalMessage } from "@neson/protocol/messages";
import type { KeepTerms, StoredObject } from "../store/stored-object.ts";
import { LeastRequested } from "../testing/least-requested.ts";
import { describeBytes, seededBytes } from "../testing/objects.ts";
import { openTestStore } from "../testing/start-store.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { until } from "../testing/until.ts";
import { Evictor } from "./evictor.ts";
import { RankRows } from "./evictor-rank-rows.ts";
import { AgedFreq } from "./priority.ts";

type Evict = Extract<TerminalMessage, { type: "evict" }>;

const SIZE = 10_000;
const QUOTA = 100 * SIZE;

/** A store with an Evictor and a Router that keeps what it is told to, or is not there. */
function open(dataDir: string, quotaBytes = QUOTA) {
  const opened = openTestStore(dataDir, quotaBytes);
  const { store, clock, layout } = opened;
  const sent: Evict[] = [];
  const policy = new LeastRequested();
  let isOnline = true;
  const send = (message: TerminalMessage) => {
    if (isOnline && message.type === "evict") sent.push(message);
    return isOnline;
  };
  const evictor = new Evictor({ store, policy, ranks: new RankRows(opened.index), send, clock, log: silentLog });
  let seed = 0;
  return {
    ...opened,
    evictor,
    policy,
    sent,
    setOnline(value: boolean) {
      isOnline = value;
      if (!value) evictor.offline();
    },
    /** Stores whole objects; the first of them were asked for least. */
    fill(count: number, terms?: Partial<KeepTerms>): StoredObject[] {
      return Array.from({ length: count }, () => {
        const bytes = seededBytes(SIZE, ++seed);
        const description = describeBytes(bytes);
        const all = { keepUntilSeconds: undefined, isPinned: false, isPlaced: true, ...terms };
        const object = store.begin(description, all);
        const path = layout.objectPath(object.objectId);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, bytes);
        store.setWhole(object, "s");
        return object;
      });
    },
    async pass(ms: number) {
      await clock.advance(ms);
      evictor.look();
    },
    answer(keep: (objectIds: string[]) => string[] = () => []) {
      const last = sent.at(-1);
      if (last !== undefined) evictor.reply(last.id, keep(last.objects.map(({ objectId }) => objectId)));
    },
    [Symbol.dispose]() {
      evictor[Symbol.dispose]();
      opened[Symbol.dispose]();
    },
  };
}

const idsOf = (message: Evict | undefined) => message?.objects.map(({ objectId }) => objectId) ?? [];
const ids = (objects: StoredObject[]) => objects.map(({ objectId }) => objectId);

test("Evictor asks at 95% of the quota for what brings it to 90%, least wanted first, and deletes what is not kept", () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  const objects = run.fill(95);
  for (const object of objects.slice(0, 90)) run.store.noteUse(object, 1);
  run.evictor.look();
  expect(run.sent).toEqual([]);
  run.fill(1);
  run.evictor.look();
  expect(run.sent).toHaveLength(1);
  expect(idsOf(run.sent[0]).slice(0, 5)).toEqual(ids(objects.slice(90)));
  expect(run.sent[0]?.objects).toHaveLength(6);
  expect(run.sent[0]?.objects[0]?.bytes).toBe(SIZE);
  expect(run.store.usedBytes).toBe(96 * SIZE);
  run.answer();
  expect(run.store.usedBytes).toBe(90 * SIZE);
  expect(run.policy.evictedKeys).toHaveLength(6);
  run.evictor.look();
  expect(run.sent).toHaveLength(1);
});

test("Evictor goes on to others when the Router keeps some, and does not ask for those again within ten minutes", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  const objects = run.fill(96);
  run.evictor.look();
  const kept = ids(objects.slice(0, 3));
  run.answer(() => kept);
  expect(run.sent).toHaveLength(2);
  expect(idsOf(run.sent[1])).toEqual(ids(objects.slice(6, 9)));
  run.answer();
  expect(run.store.usedBytes).toBe(90 * SIZE);
  run.fill(6);
  await run.pass(590_000);
  expect(idsOf(run.sent[2])).toEqual(ids(objects.slice(9, 15)));
  run.answer();
  run.fill(6);
  await run.pass(20_000);
  expect(idsOf(run.sent[3])).toEqual([...kept, ...ids(objects.slice(15, 18))]);
});

test("Evictor leaves alone what is pinned, being filled, being sent or without its bytes", () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  const nowSeconds = run.clock.nowMs() / 1000;
  const pinned = run.fill(10, { isPinned: true, keepUntilSeconds: nowSeconds + 1000 });
  const [filling, sending, next, ...rest] = run.fill(86);
  if (filling === undefined || sending === undefined || next === undefined) throw new Error("too few");
  filling.isFilling = true;
  sending.transferCount = 1;
  run.evictor.look();
  expect(idsOf(run.sent[0])).toEqual(ids([next, ...rest.slice(0, 5)]));
  // What has become busy since the question stays all the same.
  next.transferCount = 1;
  run.answer();
  expect(run.store.find(next.objectId)).toBe(next);
  for (const object of pinned) expect(run.store.find(object.objectId)).toBe(object);
});

test("Evictor asks again after ten seconds without an answer, and takes only the answer to its last question", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  run.fill(96);
  run.evictor.look();
  await run.pass(9000);
  expect(run.sent).toHaveLength(1);
  await run.pass(1000);
  expect(run.sent).toHaveLength(2);
  run.evictor.reply(run.sent[0]?.id ?? "", []);
  expect(run.store.usedBytes).toBe(96 * SIZE);
  run.answer();
  expect(run.store.usedBytes).toBe(90 * SIZE);
  run.setOnline(false);
  run.fill(6);
  await run.pass(3_600_000);
  expect([run.sent.length, run.store.usedBytes]).toEqual([2, 96 * SIZE]);
  run.setOnline(true);
  await run.pass(1000);
  expect(run.sent).toHaveLength(3);
});

test("Evictor shrinks at once, a thousand objects a question, when the quota is lowered while running", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path, 3000 * SIZE);
  run.fill(2500);
  run.evictor.look();
  expect(run.sent).toEqual([]);
  run.store.setQuota(100 * SIZE);
  expect(run.policy.capacityBytes).toBe(100 * SIZE);
  for (const count of [1000, 1000, 410]) {
    await until("the next question", () => run.sent.at(-1)?.objects.length === count);
    const usedBytes = run.store.usedBytes;
    run.answer();
    await until("they are gone", () => run.store.usedBytes === usedBytes - count * SIZE);
  }
  expect([run.store.usedBytes, run.store.quotaBytes, run.sent.length]).toEqual([90 * SIZE, 100 * SIZE, 3]);
}, 20_000);

test("Evictor gets below a lowered quota without the Router's word when it keeps everything, or is not there, for a minute", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  const pinned = run.fill(2, { isPinned: true });
  run.fill(90);
  run.store.setQuota(50 * SIZE);
  for (let second = 0; second < 55; second++) {
    run.answer((asked) => asked);
    await run.pass(1000);
  }
  expect(run.store.usedBytes).toBe(92 * SIZE);
  for (let second = 0; second < 20; second++) {
    run.answer((asked) => asked);
    await run.pass(1000);
  }
  await until("it is below", () => run.store.usedBytes === 45 * SIZE);
  run.setOnline(false);
  run.store.setQuota(1 * SIZE);
  for (let second = 0; second < 65; second++) await run.pass(1000);
  await until("only pinned ones are left", () => run.store.usedBytes === 2 * SIZE);
  for (const object of pinned) expect(run.store.find(object.objectId)).toBe(object);
});

test("Evictor makes the room that a save did not find", () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  run.fill(94);
  const large = describeBytes(seededBytes(30 * SIZE, 1_000_000));
  expect(() => run.store.begin(large)).toThrow(/saving 300000 bytes: 60000 of 1000000 bytes are left/);
  run.evictor.look();
  expect(run.sent[0]?.objects).toHaveLength(24);
  run.answer();
  run.store.begin(large);
  expect(run.store.usedBytes).toBe(QUOTA);
});

test("Evictor deletes nothing for a save that the quota can never hold", () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  run.fill(94);
  expect(() => run.store.begin(describeBytes(seededBytes(QUOTA + 1, 1_000_001)))).toThrow(/saving 1000001 bytes/);
  run.evictor.look();
  expect([run.sent.length, run.store.usedBytes]).toEqual([0, 94 * SIZE]);
});

test("Evictor deletes what has had its time, once nobody is using it, and keeps the rest", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  const nowSeconds = run.clock.nowMs() / 1000;
  const [short] = run.fill(1, { keepUntilSeconds: nowSeconds + 10 });
  const [pinned] = run.fill(1, { keepUntilSeconds: nowSeconds + 10, isPinned: true });
  const [long] = run.fill(1, { keepUntilSeconds: nowSeconds + 100 });
  const [always] = run.fill(1);
  if (short === undefined || pinned === undefined) throw new Error("too few");
  run.evictor.look();
  await run.pass(9000);
  expect(run.store.stats().objects).toBe(4);
  pinned.transferCount = 1;
  await run.pass(1000);
  expect([...run.store.all()]).toEqual([pinned, long, always] as StoredObject[]);
  pinned.transferCount = 0;
  await run.pass(1000);
  expect([...run.store.all()]).toEqual([long, always] as StoredObject[]);
  expect(run.rows.all()).toHaveLength(2);
  expect(run.sent).toEqual([]);
});

test("Evictor lets no object go by its time within ten minutes after the clock jumped ahead", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  const nowSeconds = run.clock.nowMs() / 1000;
  run.fill(3, { keepUntilSeconds: nowSeconds + 1000 });
  run.evictor.look();
  await run.pass(400 * 86_400_000);
  for (let minute = 0; minute < 9; minute++) await run.pass(60_000);
  expect(run.store.stats().objects).toBe(3);
  // It is set right again: nothing was lost.
  await run.pass(-400 * 86_400_000);
  await run.pass(1000);
  expect(run.store.stats().objects).toBe(3);
  await run.pass(120_000);
  await run.pass(120_000);
  await run.pass(120_000);
  await run.pass(120_000);
  expect(run.store.stats().objects).toBe(0);
});

test("Evictor asks again without waiting for the old time when the clock was set back", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  run.fill(96);
  run.evictor.look();
  await run.pass(-86_400_000);
  expect(run.sent).toHaveLength(2);
});

test("Evictor gives up first, and without asking, what no Router placed and nobody asked for twice", () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  const asked = run.fill(4, { isPlaced: false });
  const [once, twice, , placedLater] = asked;
  if (once === undefined || twice === undefined || placedLater === undefined) throw new Error("too few");
  run.store.noteUse(once, 1);
  run.store.noteUse(twice, 1);
  // Many ranges of one ticket are one visit.
  run.store.noteUse(once, 2, false);
  run.evictor.look();
  run.store.noteUse(twice, 2);
  run.store.setTerms(placedLater, { keepUntilSeconds: undefined, isPinned: false, isPlaced: true });
  run.fill(94);
  run.evictor.look();
  expect(asked.map((object) => run.store.find(object.objectId) !== undefined)).toEqual([false, true, false, true]);
  expect(run.sent[0]?.objects).toHaveLength(6);
  expect(idsOf(run.sent[0])).not.toContain(twice.objectId);
  run.answer();
  // Who went is remembered: its second coming is the second request.
  const again = run.store.begin(describeBytes(seededBytes(SIZE, 1)), {
    keepUntilSeconds: undefined,
    isPinned: false,
    isPlaced: false,
  });
  expect(again.objectId).toBe(once.objectId);
  expect(again.isAdmitted).toBe(true);
});

test("ObjectStore gives up what nobody asked for twice when a save needs the room", () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  const [first] = run.fill(100, { isPlaced: false });
  run.fill(1);
  expect(run.store.find(first?.objectId ?? "")).toBeUndefined();
  expect(run.store.usedBytes).toBe(QUOTA);
});

test("Evictor ranks as before when the Terminal is started again", () => {
  using directory = temporaryDirectory();
  const contents = Array.from({ length: 20 }, (_, i) => seededBytes(SIZE, i));
  const orderOf = (policy: AgedFreq) => policy.victims(100 * SIZE);
  let before: string[] = [];
  {
    using opened = openTestStore(directory.path, QUOTA);
    const policy = new AgedFreq({ capacityBytes: QUOTA });
    const ranks = new RankRows(opened.index);
    const evictor = new Evictor({ ...opened, policy, ranks, send: () => true, log: silentLog });
    const objects = contents.map((content) => opened.store.begin(describeBytes(content)));
    objects.forEach((object, i) => {
      for (let use = 0; use < (i * 7) % 20; use++) opened.store.noteUse(object, 1);
      evictor.look();
    });
    before = orderOf(policy);
    expect(new Set(before).size).toBe(20);
    evictor.flush();
    // Deleted after the last flush, as if by a crash: its rank stays behind, and counts for nothing.
    opened.rows.remove(objects[3]?.objectId ?? "");
    before = before.filter((objectId) => objectId !== objects[3]?.objectId);
  }
  using opened = openTestStore(directory.path, QUOTA);
  const policy = new AgedFreq({ capacityBytes: QUOTA });
  const ranks = new RankRows(opened.index);
  const evictor = new Evictor({ ...opened, policy, ranks, send: () => true, log: silentLog });
  expect(orderOf(policy)).toEqual(before);
  evictor.flush();
  expect(ranks.all().size).toBe(19);
  opened.index.run("UPDATE ranks SET priority = 'high' WHERE object_id = (SELECT min(object_id) FROM ranks)");
  expect(ranks.all().size).toBe(18);
});
