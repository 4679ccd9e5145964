import { expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { RawClient } from "@neson/kit/http/raw-client";
import { silentLog } from "@neson/kit/log";
import type { TerminalMessage } from "@neson/protocol/messages";
import { startTerminal } from "./terminal.ts";
import { publish, seededBytes, sha256Hex } from "./testing/objects.ts";
import { startPair, testConfig } from "./testing/start.ts";
import { temporaryDirectory } from "./testing/temporary.ts";
import { until } from "./testing/until.ts";

const film = publish(seededBytes(1_500_000, 1));
const song = publish(seededBytes(400_000, 2));
const deps = { clock: systemClock, log: silentLog, random: Math.random };

async function bodyHash(response: Response): Promise<string> {
  return sha256Hex(new Uint8Array(await response.arrayBuffer()));
}

test("Terminal serves what it had when it is started again", async () => {
  await using pair = await startPair();
  await pair.router.store(film);
  const { terminalId } = pair.terminal.ready;
  await pair.restart();
  pair.router.objects.clear();
  const response = await pair.get(pair.router.path(film));
  expect([response.status, await bodyHash(response)]).toEqual([200, film.description.sha256]);
  expect(pair.terminal.ready.terminalId).toBe(terminalId);
  expect(statSync(join(pair.dataDir, "identity.key")).mode & 0o777).toBe(0o600);
});

test("Terminal serves with the keys it has when it comes back before its Router", async () => {
  await using pair = await startPair();
  await pair.router.store(film);
  const path = pair.router.path(film);
  const expired = pair.router.path(film, { expiresAt: 1 });
  await pair.terminal[Symbol.asyncDispose]();
  await using alone = await startTerminal(testConfig(pair.dataDir, "http://127.0.0.1:9"), deps);
  const get = (target: string) => fetch(alone.ready.url + target, { redirect: "manual" });
  expect(await bodyHash(await get(path))).toBe(film.description.sha256);
  expect((await get(expired)).headers.get("location")).toStartWith("http://video.example.test/");
  const unknown = await get(pair.router.path(song));
  expect(unknown.status).toBe(307);
});

test("Terminal finds a piece that was altered while it was down, and fills the object anew", async () => {
  await using pair = await startPair();
  await pair.router.store(film);
  await pair.router.store(song);
  const { objectId } = film.description;
  const path = join(pair.dataDir, "objects", objectId.slice(0, 2), objectId);
  const fillCount = pair.router.fillPaths.length;
  await pair.restart(() => {
    const stat = statSync(path);
    writeFileSync(path, film.bytes.with(1_000_000, (film.bytes[1_000_000] ?? 0) ^ 4));
    expect(stat.size).toBe(film.bytes.length);
  });
  await pair.terminal.checked;
  for (const object of [film, song]) {
    const response = await pair.get(pair.router.path(object));
    expect([response.status, await bodyHash(response)]).toEqual([200, object.description.sha256]);
  }
  expect(pair.router.fillPaths.length).toBe(fillCount + 1);
});

test("Terminal takes its objects back from disk when the index was lost", async () => {
  await using pair = await startPair();
  await pair.router.store(film);
  await pair.router.store(song);
  const { objectId } = song.description;
  await pair.restart(() => {
    writeFileSync(join(pair.dataDir, "index.sqlite"), "garbage ".repeat(2000));
    for (const suffix of ["-wal", "-shm"]) rmSync(join(pair.dataDir, `index.sqlite${suffix}`), { force: true });
    writeFileSync(join(pair.dataDir, "objects", objectId.slice(0, 2), objectId), song.bytes.subarray(0, 5));
  });
  expect(readdirSync(pair.dataDir).some((name) => name.startsWith("index.sqlite.damaged-"))).toBe(true);
  const fillCount = pair.router.fillPaths.length;
  for (const object of [film, song]) {
    const response = await pair.get(pair.router.path(object));
    expect([response.status, await bodyHash(response)]).toEqual([200, object.description.sha256]);
  }
  // The film was verified where it lay; only the song had to be fetched.
  expect(pair.router.fillPaths.length).toBe(fillCount + 1);
});

test("Terminal goes on with an interrupted fill by itself when it is started again", async () => {
  await using pair = await startPair({ fillBytesPerSecond: 1_500_000 });
  pair.router.save(film);
  const part = join(pair.dataDir, "partial", `${film.description.objectId}.part`);
  await until("some of it is there", () => (statSync(part, { throwIfNoEntry: false })?.size ?? 0) >= 600_000);
  await pair.restart();
  await pair.router.heard(({ type }) => type === "stored");
  expect(pair.router.received.some(({ type }) => type === "want")).toBe(true);
  expect(await bodyHash(await pair.get(pair.router.path(film)))).toBe(film.description.sha256);
});

test("Terminal fetches the piece list beside the object when the manifest does not carry it", async () => {
  await using pair = await startPair();
  const long = publish(seededBytes(800_000, 3), { inline: false });
  await pair.router.store(long);
  expect(pair.router.fillPaths.map((path) => path.endsWith("/pieces"))).toEqual([true, false]);
  expect(await bodyHash(await pair.get(pair.router.path(long)))).toBe(long.description.sha256);
});

test("Terminal says why it cannot save", async () => {
  await using pair = await startPair({ config: { quotaBytes: 1_000_000 } });
  const failure = async (code: string) => {
    await pair.router.heard((message) => message.type === "failed" && message.code === code);
  };
  pair.router.save(film);
  await failure("no-room");
  pair.router.save(publish(seededBytes(1000, 4), { expiresAt: 1000 }));
  await failure("bad-manifest");
  const lying = publish(seededBytes(300_000, 5));
  pair.router.save({ ...lying, bytes: seededBytes(300_000, 6) });
  await failure("bad-bytes");
  const missing = publish(seededBytes(300_000, 7));
  pair.router.save(missing);
  pair.router.objects.delete(missing.description.objectId);
  await failure("unreachable");
  expect(readdirSync(join(pair.dataDir, "objects"))).toEqual([]);
});

test("Terminal claims what it sent, cumulatively, and hands in the rest when it stops", async () => {
  await using pair = await startPair();
  await pair.router.store(film);
  const ticket = pair.router.ticket(film);
  const path = `/v1/${ticket}/video.example.test/x`;
  await (await pair.get(path)).arrayBuffer();
  await (await pair.get(path, { headers: { Range: "bytes=0-99" } })).arrayBuffer();
  await (await pair.get(path, { method: "HEAD" })).text();
  await (await pair.get(path, { headers: { Range: "bytes=9999999-" } })).text();
  await pair.get(path, { headers: { "If-None-Match": '"a1"' } });
  const total = (expected: number) => (message: TerminalMessage) =>
    message.type === "claims" && message.claims.some((claim) => claim.ticket === ticket && claim.bytes === expected);
  await pair.router.heard(total(1_500_100));
  await (await pair.get(path, { headers: { Range: "bytes=0-9" } })).arrayBuffer();
  await pair.terminal[Symbol.asyncDispose]();
  expect(pair.router.received.some(total(1_500_110))).toBe(true);
});

test("startTerminal() refuses a directory or a port that is in use, and listening everywhere without an endpoint", async () => {
  await using pair = await startPair();
  using directory = temporaryDirectory();
  const port = Number(new URL(pair.url).port);
  await expect(startTerminal(testConfig(pair.dataDir, pair.router.url), deps)).rejects.toThrow(/is using it/);
  const taken = testConfig(directory.path, pair.router.url, { listenPort: port });
  await expect(startTerminal(taken, deps)).rejects.toThrow(/another program uses this port/);
  const everywhere = testConfig(directory.path, pair.router.url, { listenHost: "0.0.0.0" });
  await expect(startTerminal(everywhere, deps)).rejects.toThrow(/option --endpoint: found nothing/);
  // A failed start lets go of everything it had.
  await using terminal = await startTerminal(testConfig(directory.path, pair.router.url), deps);
  expect(readFileSync(join(directory.path, "lock.pid"), "utf8").trim()).toBe(String(process.pid));
  expect(terminal.ready.url).toStartWith("http://127.0.0.1:");
});

test("Terminal claims a long transfer while it goes on, and the rest when it ends", async () => {
  await using pair = await startPair({ config: { memoryBytes: 0 } });
  const long = publish(seededBytes(24 * 2 ** 20, 7));
  await pair.router.store(long);
  const ticket = pair.router.ticket(long);
  const claimed: number[] = [];
  pair.router.onClaims = (message) => {
    for (const claim of message.claims) if (claim.ticket === ticket) claimed.push(claim.bytes);
    return { type: "claims.ack", id: message.id, accepted: message.claims.length, refused: [] };
  };
  using viewer = await RawClient.open(Number(new URL(pair.url).port));
  viewer.send(`GET /v1/${ticket}/video.example.test/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await until("bytes have come", () => viewer.socket.bytesRead > 0);
  viewer.socket.pause();
  await until("a part is claimed", () => claimed.length > 0);
  expect(claimed[0]).toBeGreaterThan(0);
  expect(claimed[0]).toBeLessThan(24 * 2 ** 20);
  viewer.socket.resume();
  await until("all is claimed", () => claimed.at(-1) === 24 * 2 ** 20, 15_000);
  expect(claimed).toEqual([...claimed].sort((a, b) => a - b));
}, 30_000);
