import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { TerminalMessage } from "@neson/protocol/messages";
import { type Published, publish, seededBytes } from "./testing/objects.ts";
import { startPair } from "./testing/start.ts";
import { until } from "./testing/until.ts";

type Evict = Extract<TerminalMessage, { type: "evict" }>;

const SIZE = 100_000;

function some(count: number): Published[] {
  return Array.from({ length: count }, (_, seed) => publish(seededBytes(SIZE, seed)));
}

function filesOf(dataDir: string): string[] {
  const folders = readdirSync(join(dataDir, "objects"));
  return folders.flatMap((folder) => readdirSync(join(dataDir, "objects", folder)));
}

test("Terminal asks before it evicts, keeps what the Router keeps, and its heartbeats tell the rest", async () => {
  await using pair = await startPair({ config: { quotaBytes: 20 * SIZE } });
  const objects = some(20);
  const [precious, ...others] = objects.map(({ description }) => description.objectId);
  pair.router.onEvict = (asked) => asked.filter((objectId) => objectId === precious);
  for (const object of objects.slice(0, 19)) await pair.router.store(object);
  // All but the first are asked for, so that it is the one to go.
  for (const object of objects.slice(1, 19)) await (await pair.get(pair.router.path(object))).bytes();
  await Bun.sleep(1100);
  expect(pair.router.received.some(({ type }) => type === "evict")).toBe(false);
  const last = objects[19];
  if (last !== undefined) await pair.router.store(last);
  await until("it is at 90%", () => filesOf(pair.dataDir).length === 18);
  const asked = pair.router.received.filter(({ type }) => type === "evict") as Evict[];
  expect(asked.length).toBeGreaterThan(0);
  expect(filesOf(pair.dataDir)).toContain(precious ?? "");
  expect(others.filter((objectId) => !filesOf(pair.dataDir).includes(objectId))).toHaveLength(2);
  await pair.router.heard((message) => message.type === "heartbeat" && message.objectCount === 18);
});

test("Terminal deletes an object at the time its save named, and not before", async () => {
  await using pair = await startPair();
  const [short, long] = some(2);
  if (short === undefined || long === undefined) throw new Error("too few");
  const keepUntil = Math.ceil(Date.now() / 1000) + 2;
  pair.router.order(short, { keepUntil });
  pair.router.order(long, { keepUntil: keepUntil + 3600 });
  await until("both are there", () => filesOf(pair.dataDir).length === 2);
  // Over a restart, too, it is known when it has to go.
  await pair.restart();
  await pair.terminal.checked;
  if (Date.now() / 1000 < keepUntil) expect(filesOf(pair.dataDir)).toHaveLength(2);
  await until("its time is over", () => filesOf(pair.dataDir).length === 1, 8000);
  expect(Date.now() / 1000).toBeGreaterThanOrEqual(keepUntil);
  expect(filesOf(pair.dataDir)).toEqual([long.description.objectId]);
}, 15_000);

test("Terminal answers a spot check on the control channel", async () => {
  await using pair = await startPair();
  const [object] = some(1);
  if (object === undefined) throw new Error("none");
  await pair.router.store(object);
  const { objectId } = object.description;
  pair.router.send({ type: "audit", id: "spot", objectId, pieceIndex: 0, nonce: "cd".repeat(32), deadlineMs: 1000 });
  await pair.router.heard(
    (message) => message.type === "audit.answer" && message.id === "spot" && "piece" in message.answer,
  );
});

test("Terminal gives up first what a viewer made it fetch once, when placed objects need the room", async () => {
  await using pair = await startPair({ config: { quotaBytes: 10 * SIZE } });
  const objects = some(11);
  const [wanted, ...placed] = objects;
  if (wanted === undefined) throw new Error("none");
  pair.router.publish(wanted);
  const response = await pair.get(pair.router.path(wanted));
  expect((await response.bytes()).length).toBe(SIZE);
  await until("it is stored", () => filesOf(pair.dataDir).length === 1);
  for (const object of placed.slice(0, 9)) await pair.router.store(object);
  const { objectId } = wanted.description;
  const path = join(pair.dataDir, "objects", objectId.slice(0, 2), objectId);
  await until("it is gone", () => !existsSync(path));
  expect(filesOf(pair.dataDir)).toHaveLength(9);
  const asked = pair.router.received.flatMap((message) => (message.type === "evict" ? message.objects : []));
  expect(asked.map((object) => object.objectId)).not.toContain(objectId);
});
