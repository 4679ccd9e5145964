import { expect, test } from "bun:test";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { openStage, type Stage, type StageTerminal, ticketedUrl } from "../adversary/stage.ts";
import { isAlive, until } from "./network.ts";
import { sha256Of } from "./origin.ts";

const PIECE_BYTES = 262_144;
const SIZE = 12 * PIECE_BYTES + 17;
const DAMAGED_PIECE = 5;

/** The one whole object in a Terminal's data directory. */
async function onlyObject(dataDir: string): Promise<string> {
  const objects = join(dataDir, "objects");
  const paths: string[] = [];
  for (const folder of await readdir(objects)) {
    for (const name of await readdir(join(objects, folder))) paths.push(join(objects, folder, name));
  }
  expect(paths).toHaveLength(1);
  return String(paths[0]);
}

async function flipByte(path: string, at: number): Promise<void> {
  await using file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 0x01;
  await file.write(byte, 0, 1, at);
}

async function killed({ running, pid }: StageTerminal): Promise<void> {
  process.kill(pid, "SIGKILL");
  await running.process.exited;
  expect(isAlive(pid)).toBe(false);
}

/** A Terminal that held the file whole, was killed, and had one byte of it changed behind its back. */
async function damagedTerminal(stage: Stage) {
  const terminal = await stage.startTerminal(1);
  const file = await stage.publish("/film.bin", SIZE);
  await until(
    "the Terminal to hold the file",
    async () => (await stage.seen(terminal.terminalId))?.storedObjects === 1,
  );
  const path = await onlyObject(stage.terminalDataDir(1));
  expect(sha256Of(await Bun.file(path).bytes())).toBe(file.sha256);
  await killed(terminal);
  await until("the Router to miss it", async () => (await stage.seen(terminal.terminalId)) === undefined);
  await flipByte(path, DAMAGED_PIECE * PIECE_BYTES + 1000);
  return { file, path };
}

/** Undefined when there is no file. */
async function hashAt(path: string): Promise<string | undefined> {
  try {
    return sha256Of(await Bun.file(path).bytes());
  } catch {
    return undefined;
  }
}

function originBodies(stage: Stage): number {
  return stage.origin.requests.filter(({ method, status }) => method === "GET" && status === 200).length;
}

test("a byte altered on a Terminal's disk while it is down is found at start, and the object comes back whole", async () => {
  await using stage = await openStage();
  const { file, path } = await damagedTerminal(stage);
  const damagedHash = await hashAt(path);

  const { running, terminalId } = await stage.startTerminal(1);
  await until(`the log to tell of the damage: ${running.output}`, () => running.output.includes("failed its check"));
  expect(running.output).toContain(`piece ${DAMAGED_PIECE} does not match its hash`);
  // It may have come back whole before anybody looked.
  await until("the damaged bytes to be gone", async () => (await hashAt(path)) !== damagedHash);

  for (const headers of [[], [], [["Range", "bytes=1311000-1312000"]]] as [string, string][][]) {
    const answer = await fetch(await ticketedUrl(file.url), { headers, redirect: "manual" });
    expect([200, 206]).toContain(answer.status);
    const expected = answer.status === 206 ? file.bytes.subarray(1_311_000, 1_312_001) : file.bytes;
    expect(sha256Of(await answer.bytes())).toBe(sha256Of(expected));
  }
  await until("the object to be whole again", async () => (await stage.seen(terminalId))?.storedObjects === 1);
  expect(sha256Of(await Bun.file(path).bytes())).toBe(file.sha256);
  expect(originBodies(stage)).toBe(1);
}, 40_000);

test("a viewer who asks before the start check has come that far still never gets the altered byte", async () => {
  await using stage = await openStage();
  const { file } = await damagedTerminal(stage);

  // So slow that the check cannot be over before the first viewer is there.
  const { running } = await stage.startTerminal(1, ["--check-rate", "600KB"]);
  expect(running.output).not.toContain("failed its check");
  const answers = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const range = index % 2 === 0 ? undefined : `bytes=${DAMAGED_PIECE * PIECE_BYTES}-${SIZE - 1}`;
      const answer = await fetch(file.url, range === undefined ? {} : { headers: { Range: range } });
      const expected = range === undefined ? file.bytes : file.bytes.subarray(DAMAGED_PIECE * PIECE_BYTES);
      return { status: answer.status, isRight: sha256Of(await answer.bytes()) === sha256Of(expected) };
    }),
  );
  expect(answers.filter(({ isRight }) => !isRight)).toEqual([]);
  await until("the log to tell of the damage", () => running.output.includes("failed its check"));
  expect(sha256Of(await (await fetch(file.url)).bytes())).toBe(file.sha256);
}, 40_000);
