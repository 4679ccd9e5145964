import { expect, test } from "bun:test";
import { openSync, readdirSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededBytes } from "../testing/objects.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { until } from "../testing/until.ts";
import { BlockPool, LARGE_BLOCK_BYTES, SMALL_BLOCK_BYTES } from "./block-pool.ts";
import { FileBody, type FileBodyDeps, openIfUnchanged, stampOf } from "./file-body.ts";

const bytes = seededBytes(30 * 2 ** 20, 5);

function makeFile(directory: string): string {
  const path = join(directory, "object");
  writeFileSync(path, bytes);
  return path;
}

function deps(own: Partial<FileBodyDeps> = {}): FileBodyDeps {
  return { nowMs: () => 5, onBytes: () => {}, blocks: new BlockPool(4), ...own };
}

/** Descriptors this process has open on a path. */
function openCount(path: string): number {
  return readdirSync("/proc/self/fd").filter((name) => {
    try {
      return statSync(`/proc/self/fd/${name}`).ino === statSync(path).ino;
    } catch {
      return false;
    }
  }).length;
}

async function collect(body: FileBody): Promise<{ bytes: Buffer; sizes: number[] }> {
  const chunks: Uint8Array[] = [];
  // Copied at once: the block is used again for the next read.
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return { bytes: Buffer.concat(chunks), sizes: chunks.map(({ length }) => length) };
}

test("FileBody yields exactly its span, and goes on when the file is unlinked meanwhile", async () => {
  using directory = temporaryDirectory();
  const path = makeFile(directory.path);
  const body = new FileBody(openSync(path, "r"), 17, 29_000_000, deps());
  rmSync(path);
  expect((await collect(body)).bytes.equals(bytes.subarray(17, 29_000_001))).toBe(true);
});

test("FileBody reads large blocks into the same memory when the client is fast, and small ones when it is slow", async () => {
  using directory = temporaryDirectory();
  const path = makeFile(directory.path);
  const fast = new FileBody(openSync(path, "r"), 0, bytes.length - 1, deps());
  expect([...new Set((await collect(fast)).sizes)]).toEqual([LARGE_BLOCK_BYTES]);
  let nowMs = 5;
  const slowly = () => {
    nowMs += 300;
    return nowMs;
  };
  const slow = new FileBody(openSync(path, "r"), 0, bytes.length - 1, deps({ nowMs: slowly }));
  const { bytes: found, sizes } = await collect(slow);
  // The first was asked for as if it were fast, and with it the second.
  expect([...new Set(sizes.slice(2, -1))]).toEqual([SMALL_BLOCK_BYTES]);
  expect(found.equals(bytes)).toBe(true);
});

test("FileBody gives its block back when it ends and when it is left, and does without when there is none", async () => {
  using directory = temporaryDirectory();
  const path = makeFile(directory.path);
  const blocks = new BlockPool(1);
  const left = new FileBody(openSync(path, "r"), 0, bytes.length - 1, deps({ blocks }));
  await left.next();
  const other = new FileBody(openSync(path, "r"), 0, 8_000_000, deps({ blocks }));
  expect((await other.next()).value?.length).toBe(SMALL_BLOCK_BYTES);
  await left.return();
  expect((await other.next()).value?.length).toBe(LARGE_BLOCK_BYTES);
  expect(blocks.hasLarge).toBe(false);
  await collect(other);
  expect(blocks.hasLarge).toBe(true);
});

test("FileBody fails when the file ends early", async () => {
  using directory = temporaryDirectory();
  const path = makeFile(directory.path);
  const body = new FileBody(openSync(path, "r"), 0, bytes.length - 1, deps());
  truncateSync(path, 100_000);
  await expect(collect(body)).rejects.toThrow(/ended at byte 100000, expected 31457280/);
});

test.skipIf(process.platform !== "linux")(
  "FileBody closes its file when it ends, is left, or is never read",
  async () => {
    using directory = temporaryDirectory();
    const path = makeFile(directory.path);
    const [unread, left, read] = [1, 2, 3].map(() => new FileBody(openSync(path, "r"), 0, bytes.length - 1, deps()));
    expect(openCount(path)).toBe(3);
    await unread?.return();
    const pending = left?.next();
    await left?.return();
    await pending;
    if (read !== undefined) await collect(read);
    await until("all are closed", () => openCount(path) === 0);
  },
);

test("openIfUnchanged() gives nothing when the file was touched or is gone", () => {
  using directory = temporaryDirectory();
  const path = makeFile(directory.path);
  const stamp = stampOf(statSync(path));
  expect(openIfUnchanged(path, stamp)).toBeNumber();
  utimesSync(path, 1, 1);
  expect(openIfUnchanged(path, stamp)).toBeUndefined();
  rmSync(path);
  expect(openIfUnchanged(path, stamp)).toBeUndefined();
});
