import { expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "@neson/kit/clock";
import { spawnTerminal } from "./testing/child.ts";
import { FakeRouter } from "./testing/fake-router.ts";
import { type Published, publish, seededBytes, sha256Hex } from "./testing/objects.ts";
import { startPair } from "./testing/start.ts";
import { temporaryDirectory } from "./testing/temporary.ts";
import { until } from "./testing/until.ts";

const PIECE = 262_144;
const film = publish(seededBytes(8 * PIECE, 1));
const song = publish(seededBytes(400_000, 2));

type Pair = Awaited<ReturnType<typeof startPair>>;

const pathOf = ({ dataDir }: { dataDir: string }, { description: { objectId } }: Published) =>
  join(dataDir, "objects", objectId.slice(0, 2), objectId);

const hashOf = async (pair: Pair, object: Published) => {
  const response = await pair.get(pair.router.path(object));
  return sha256Hex(await response.bytes());
};

function flip(path: string, position: number): void {
  const content = readFileSync(path);
  content[position] = (content[position] ?? 0) ^ 1;
  writeFileSync(path, content);
}

test.each<[string, (path: string) => void, [number, number]]>([
  ["a bit of it was flipped", (path) => flip(path, 3 * PIECE + 5), [3 * PIECE, 4 * PIECE - 1]],
  ["it was cut", (path) => truncateSync(path, 6 * PIECE + 1), [6 * PIECE, 8 * PIECE - 1]],
  ["it is empty", (path) => truncateSync(path, 0), [0, 8 * PIECE - 1]],
])("Terminal fetches only what is bad of a stored file when, while it was down, %s", async (_what, damage, range) => {
  await using pair = await startPair();
  await pair.router.store(film);
  await pair.router.store(song);
  await pair.restart(() => {
    damage(pathOf(pair, film));
    pair.router.filledRanges.length = 0;
    pair.router.received.length = 0;
  });
  await pair.router.heard((message) => message.type === "stored" && message.objectId === film.description.objectId);
  expect(pair.router.filledRanges).toEqual([range]);
  expect([await hashOf(pair, film), await hashOf(pair, song)]).toEqual([
    film.description.sha256,
    song.description.sha256,
  ]);
  expect(pair.router.filledRanges).toHaveLength(1);
});

/** A clock whose long pauses are short, so that what comes once an hour comes at once. */
const hasty: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms, signal) => systemClock.sleep(ms >= 60_000 ? 20 : ms, signal),
};

test("Terminal finds a piece that goes bad while it runs, fetches that piece alone, and never sends the bad one", async () => {
  await using pair = await startPair({ clock: hasty, config: { scrubBytesPerSecond: 2 ** 30, memoryBytes: 0 } });
  await pair.router.store(film);
  await pair.router.store(song);
  pair.router.filledRanges.length = 0;
  flip(pathOf(pair, film), 5 * PIECE + 1);
  for (let read = 0; read < 5; read++) expect(await hashOf(pair, film)).toBe(film.description.sha256);
  await until("the piece was fetched", () => pair.router.filledRanges.length > 0);
  expect(await hashOf(pair, film)).toBe(film.description.sha256);
  expect(pair.router.filledRanges).toEqual([[5 * PIECE, 6 * PIECE - 1]]);
  expect(readFileSync(pathOf(pair, film)).equals(film.bytes)).toBe(true);
});

test("Terminal leaves strangers' files in its data directory alone, and works beside them", async () => {
  await using pair = await startPair();
  await pair.router.store(song);
  const inData = (...names: string[]) => join(pair.dataDir, ...names);
  const { objectId } = film.description;
  const folder = objectId.slice(0, 2);
  const strange = [
    inData("holiday.jpg"),
    inData("objects", "notes.txt"),
    inData("objects", "zz", "a"),
    inData("objects", folder, "thumbs.db"),
  ];
  await pair.restart(() => {
    for (const name of ["zz", folder]) mkdirSync(inData("objects", name), { recursive: true });
    for (const path of strange) writeFileSync(path, "mine");
    symlinkSync(inData("holiday.jpg"), inData("objects", folder, `${folder}${"0".repeat(62)}`));
  });
  await pair.terminal.checked;
  expect(await hashOf(pair, song)).toBe(song.description.sha256);
  await pair.router.store(film);
  expect(await hashOf(pair, film)).toBe(film.description.sha256);
  pair.router.send({ type: "delete", objectId, reason: "test" });
  await until("it is deleted", () => !existsSync(pathOf(pair, film)));
  for (const path of strange) expect(readFileSync(path, "utf8")).toBe("mine");
});

test("Terminal replaces whatever stands in an object's place, and says so when it cannot", async () => {
  await using pair = await startPair();
  await pair.restart(() => {
    mkdirSync(join(pair.dataDir, "objects", film.description.objectId.slice(0, 2)), { recursive: true });
    writeFileSync(pathOf(pair, film), "not the film");
    mkdirSync(join(pathOf(pair, song), "a folder"), { recursive: true });
  });
  await pair.router.store(film);
  expect(await hashOf(pair, film)).toBe(film.description.sha256);
  pair.router.save(song);
  await pair.router.heard((message) => message.type === "failed" && message.code === "disk");
  expect(existsSync(join(pathOf(pair, song), "a folder"))).toBe(true);
  rmSync(pathOf(pair, song), { recursive: true });
  await pair.router.store(song);
  expect(await hashOf(pair, song)).toBe(song.description.sha256);
});

test("a second Terminal on a data directory is refused with the first one's process id, and disturbs nothing", async () => {
  using directory = temporaryDirectory();
  await using router = new FakeRouter();
  const flags = {
    data: join(directory.path, "data"),
    listenPort: "0",
    panelPort: "0",
    router: router.url,
    logLevel: "fatal",
  };
  await using first = await spawnTerminal(flags);
  await router.heard(({ type }) => type === "heartbeat", 10_000);
  await router.store(film);
  const before = statSync(pathOf({ dataDir: flags.data }, film));
  await expect(spawnTerminal(flags)).rejects.toThrow(
    new RegExp(`process ${first.pid} is using it; stop that one or choose another`),
  );
  const response = await fetch(first.url + router.path(film), { redirect: "manual" });
  expect(sha256Hex(await response.bytes())).toBe(film.description.sha256);
  await router.store(song);
  expect(statSync(pathOf({ dataDir: flags.data }, film)).mtimeMs).toBe(before.mtimeMs);
  // The lock is the operating system's: it ends with its process, whatever that leaves behind.
  await first.kill();
  await using next = await spawnTerminal(flags);
  const again = await fetch(next.url + router.path(song), { redirect: "manual" });
  expect(sha256Hex(await again.bytes())).toBe(song.description.sha256);
}, 30_000);

test("Terminal keeps its objects, frequencies, keys and timers when its clock jumps a year ahead and back again", async () => {
  const YEAR_MS = 365 * 86_400_000;
  let offsetMs = 0;
  const clock: Clock = { nowMs: () => Date.now() + offsetMs, sleep: systemClock.sleep };
  await using pair = await startPair({ clock });
  const soon = Math.floor(Date.now() / 1000) + 3600;
  pair.router.order(film, { keepUntil: soon });
  pair.router.order(song, { keepUntil: soon, isPinned: true });
  for (const { description } of [film, song]) {
    await pair.router.heard((message) => message.type === "stored" && message.objectId === description.objectId);
  }
  expect(await hashOf(pair, film)).toBe(film.description.sha256);
  const beats = () => pair.router.received.filter(({ type }) => type === "heartbeat").length;
  for (const jumpMs of [YEAR_MS, -YEAR_MS, 0]) {
    offsetMs = jumpMs;
    const countThen = beats();
    // More than one look of everything that looks once a second.
    await Bun.sleep(1300);
    await until("it is heard of", () => beats() > countThen + 1);
    expect(existsSync(pathOf(pair, film)) && existsSync(pathOf(pair, song))).toBe(true);
    // A save's bounds are in time too.
    const fresh = publish(seededBytes(400_000, 10 + jumpMs / YEAR_MS), { expiresAt: 4_000_000_000 });
    await pair.router.store(fresh);
  }
  // With the clock as it was, tickets of today's key open again without a new welcome.
  expect([await hashOf(pair, film), await hashOf(pair, song)]).toEqual([
    film.description.sha256,
    song.description.sha256,
  ]);
  await pair.restart();
  expect(await hashOf(pair, film)).toBe(film.description.sha256);
}, 20_000);
