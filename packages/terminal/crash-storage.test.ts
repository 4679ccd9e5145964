import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { generateIdentity } from "@neson/protocol/identity";
import { type Published, publish, saveOf, seededBytes, seededRandom } from "./testing/objects.ts";
import { runStorage, type StorageOptions } from "./testing/storage-process.ts";
import { temporaryDirectory } from "./testing/temporary.ts";
import { until } from "./testing/until.ts";

/** At work; those before a process has come up are on top. */
const KILLS = 200;
/** Side by side, each on a directory of its own. */
const LANES = 2;
const OBJECTS = 40;
const MAX_OBJECT_BYTES = 600_000;
/** About half of what all objects take together. */
const QUOTA_BYTES = (OBJECTS * MAX_OBJECT_BYTES) / 4;
/** A share of the processes is killed before it has come up. */
const EARLY_SHARE = 0.15;
const SEED = 20_260_301;
const PROGRAM = join(import.meta.dir, "testing", "storage-process.ts");

interface Listing {
  usedBytes: number;
  objects: { objectId: string; size: number; state: string }[];
}

/** Serves every object's bytes, whole or in ranges, not too fast, and now and then ends early. */
function startSource(objects: Map<string, Published>, random: () => number) {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const [, objectId = "", suffix] = new URL(request.url).pathname.split("/");
      const object = objects.get(objectId);
      if (object === undefined) return new Response(null, { status: 404 });
      if (suffix !== undefined) return new Response(Uint8Array.from(object.description.pieces));
      const { bytes } = object;
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
      const first = range === null ? 0 : Number(range[1]);
      const last = range === null ? bytes.length - 1 : Number(range[2]);
      const end = random() < 0.1 ? first + Math.floor(random() * (last - first)) : last + 1;
      let at = first;
      const body = new ReadableStream({
        async pull(controller) {
          if (at >= end) {
            controller.close();
            return;
          }
          const block = bytes.slice(at, Math.min(end, at + 50_000));
          at += block.length;
          await Bun.sleep(2);
          controller.enqueue(block);
        },
      });
      const headers = { "Content-Range": `bytes ${first}-${last}/${bytes.length}` };
      return range === null ? new Response(body) : new Response(body, { status: 206, headers });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) };
}

/** One storage process and what it has said. */
class StorageChild {
  port: number | undefined;
  isChecked = false;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #heard: Promise<void>;

  /** `promised` is kept up to date: what must be there after a kill at this moment. */
  constructor(options: StorageOptions, promised: Set<string>) {
    const { name } = runStorage;
    const code = `import { ${name} } from ${JSON.stringify(PROGRAM)}; ${name}(${JSON.stringify(options)});`;
    const stdio = { stdin: "ignore", stdout: "pipe", stderr: "pipe" } as const;
    this.#child = Bun.spawn([process.execPath, "-e", code], stdio);
    this.#heard = this.#listen(promised);
  }

  async ready(): Promise<string> {
    await until("it serves, or is over", () => this.port !== undefined || this.#child.exitCode !== null, 20_000);
    if (this.port === undefined) throw new Error(`it ended: ${await new Response(this.#child.stderr).text()}`);
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends it in the middle of whatever it does, and hears out what it had said. False when it had ended by itself. */
  async kill(): Promise<boolean> {
    const wasAlive = this.#child.exitCode === null;
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    await this.#heard;
    return wasAlive;
  }

  async #listen(promised: Set<string>): Promise<void> {
    let rest = "";
    for await (const chunk of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const [word, value = ""] = line.split(" ");
        if (word === "ready") this.port = Number(value);
        if (word === "checked") this.isChecked = true;
        if (word === "stored") promised.add(value);
        if (word === "going") promised.delete(value);
      }
    }
  }
}

/** Reads an object as a viewer would. Every byte that comes must be right, also in front of a cut. */
async function read(url: string, { bytes, description }: Published): Promise<"right" | "absent" | "cut"> {
  const response = await fetch(`${url}/objects/${description.objectId}`).catch(() => undefined);
  if (response === undefined) return "cut";
  if (response.status === 404) return "absent";
  let position = 0;
  try {
    for await (const chunk of response.body ?? []) {
      const isRight = Buffer.compare(chunk, bytes.subarray(position, position + chunk.length)) === 0;
      if (!isRight) throw new WrongByte(`${description.objectId}: wrong byte at ${position} or after`);
      position += chunk.length;
    }
  } catch (error) {
    if (error instanceof WrongByte) throw error;
    return "cut";
  }
  return position === bytes.length ? "right" : "cut";
}

class WrongByte extends Error {}

/** What the disk, the index and the promises say must agree, once everything has been checked and before anything new is begun. */
async function verify(url: string, dataDir: string, objects: Map<string, Published>, promised: Set<string>) {
  const listing = (await (await fetch(`${url}/state`)).json()) as Listing;
  const states = new Map(listing.objects.map(({ objectId, state }) => [objectId, state]));
  for (const objectId of promised) expect([objectId, states.get(objectId)]).toEqual([objectId, "whole"]);
  const ids = (state: string) =>
    listing.objects.filter((object) => object.state === state).map(({ objectId }) => objectId);
  const folders = readdirSync(join(dataDir, "objects"));
  const files = folders.flatMap((folder) => readdirSync(join(dataDir, "objects", folder)));
  expect(files.sort()).toEqual(ids("whole").sort());
  expect(ids("unchecked")).toEqual([]);
  const partial = new Set(ids("partial"));
  for (const name of readdirSync(join(dataDir, "partial"))) expect(partial).toContain(name.replace(/\.part$/, ""));
  expect(listing.usedBytes).toBe(listing.objects.reduce((sum, { size }) => sum + size, 0));
  expect(listing.usedBytes).toBeLessThanOrEqual(QUOTA_BYTES);
  for (const objectId of ids("whole")) {
    const object = objects.get(objectId);
    expect(object === undefined ? "unknown" : await read(url, object)).toBe("right");
  }
}

/** One directory's life: killed again and again, and looked through after each time it has come up. */
async function live(
  lane: number,
  dataDir: string,
  objects: Map<string, Published>,
  options: Omit<StorageOptions, "dataDir" | "seed">,
) {
  const random = seededRandom(SEED + lane);
  const promised = new Set<string>();
  const counts = { early: 0, underLoad: 0, midFill: 0, promised: 0 };
  const all = [...objects.values()];
  for (let round = 0; counts.underLoad < KILLS / LANES; round++) {
    const child = new StorageChild({ ...options, dataDir, seed: SEED + lane * 1000 + round }, promised);
    if (random() < EARLY_SHARE) {
      await Bun.sleep(random() * 300);
      counts.early++;
      await child.kill();
      continue;
    }
    const url = await child.ready();
    await until("everything was checked", () => child.isChecked, 10_000);
    await verify(url, dataDir, objects, promised);
    await fetch(`${url}/work`);
    const readers = [1, 2, 3].map(async () => {
      for (;;) {
        const object = all[Math.floor(random() * all.length)];
        if (object === undefined || (await read(url, object)) === "cut") return;
      }
    });
    await Bun.sleep(20 + random() * 230);
    expect(await child.kill()).toBe(true);
    await Promise.all(readers);
    counts.underLoad++;
    counts.promised += promised.size;
    if (existsSync(join(dataDir, "partial")) && readdirSync(join(dataDir, "partial")).length > 0) counts.midFill++;
  }
  return counts;
}

test(`the store loses no whole object, serves no wrong byte and leaks no room when it is killed ${KILLS} times at work`, async () => {
  using directory = temporaryDirectory();
  const identity = generateIdentity();
  const random = seededRandom(SEED);
  const objects = new Map<string, Published>();
  for (let seed = 0; seed < OBJECTS; seed++) {
    const object = publish(seededBytes(1 + Math.floor(random() * MAX_OBJECT_BYTES), seed), { inline: seed % 5 !== 0 });
    objects.set(object.description.objectId, object);
  }
  await using source = startSource(objects, random);
  const saves: StorageOptions["saves"] = {};
  for (const [objectId, object] of objects) saves[objectId] = saveOf(object, `${source.url}/${objectId}`, identity);
  const options = { quotaBytes: QUOTA_BYTES, routerKey: identity.publicKey, saves };
  const lanes = Array.from({ length: LANES }, (_, lane) => {
    return live(lane, mkdtempSync(join(directory.path, "data-")), objects, options);
  });
  const counts = await Promise.all(lanes);
  const sum = (name: keyof (typeof counts)[0]) => counts.reduce((total, count) => total + count[name], 0);
  expect(sum("underLoad")).toBe(KILLS);
  // The kills must have hit what they were meant to hit, and there must have been something to lose.
  expect(sum("early")).toBeGreaterThan(KILLS / 20);
  expect(sum("midFill")).toBeGreaterThan(KILLS / 4);
  expect(sum("promised") / sum("underLoad")).toBeGreaterThan(3);
}, 175_000);
