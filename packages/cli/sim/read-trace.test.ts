import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type ReadOptions, readTrace } from "./read-trace.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "neson-sim-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TEXT = Buffer.from("1 a 10\n2 b 20\n3 a 10\n");
// TEXT through `bzip2` and `xz`.
const BZ2 = Buffer.from("QlpoOTFBWSZTWXC8J78AAAZZAAAQQAB4ADAAIAAxDAgaeoMl01I4IcQBXi7kinChIOF4T34=", "base64");
const XZ = Buffer.from(
  "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAUMSBhIDEwCjIgYiAyMAozIGEgMTAKAAAAAFHwJpQjLfdbAAEtFS8LcW0ftvN9AQAAAAAEWVo=",
  "base64",
);
const KEYS = Buffer.from(new Int32Array([7, -1, 7, 2_000_000_000]).buffer);

async function read(name: string, bytes: Uint8Array, options: ReadOptions = {}) {
  writeFileSync(join(folder, name), bytes);
  const { keys, sizes } = await readTrace(join(folder, name), options);
  return { keys: [...keys], sizes: [...sizes] };
}

/** The message of the error, without the folder. */
async function refusal(name: string, bytes: Uint8Array, options: ReadOptions = {}): Promise<string> {
  const error = await read(name, bytes, options).then(
    () => new Error("was read"),
    (error: Error) => error,
  );
  expect(error).toMatchObject({ name: "NesonError", fault: "caller" });
  return error.message.replaceAll(`${folder}/`, "");
}

test.each([
  ["log.txt", TEXT],
  ["log.txt.gz", gzipSync(TEXT)],
  ["log.gz", Buffer.concat([gzipSync(TEXT.subarray(0, 7)), gzipSync(TEXT.subarray(7))])],
  ["log.txt.bz2", BZ2],
  ["log.txt.xz", XZ],
])("readTrace() reads text from %s", async (name, bytes) => {
  expect(await read(name, bytes)).toEqual({ keys: [0, 1, 0], sizes: [10, 20] });
});

test.each([
  ["log.trace", KEYS],
  ["log.bin", KEYS],
  ["log.trace.gz", gzipSync(KEYS)],
])("readTrace() reads keys from %s, by its name or its bytes", async (name, bytes) => {
  expect(await read(name, bytes)).toEqual({ keys: [0, 1, 0, 2], sizes: [1, 1, 1] });
});

test("readTrace() does as its options say", async () => {
  expect(await read("text.trace", TEXT, { format: "text" })).toEqual({ keys: [0, 1, 0], sizes: [10, 20] });
  expect((await read("log.txt", TEXT, { limit: 2 })).keys).toEqual([0, 1]);
  expect((await read("log.trace", KEYS, { limit: 1 })).keys).toEqual([0]);
  // What comes after the limit is not looked at.
  expect((await read("log.txt", Buffer.from("1 a 1\nnonsense\n"), { limit: 1 })).keys).toEqual([0]);
});

test("readTrace() refuses what is not what its name says, or not whole", async () => {
  const flipped = Buffer.from(XZ);
  flipped.writeUInt8(0x55, 40);
  for (const [name, bytes] of [
    ["no.gz", TEXT],
    ["no.bz2", TEXT],
    ["no.xz", TEXT],
    ["empty.gz", Buffer.alloc(0)],
    ["empty.bz2", Buffer.alloc(0)],
    ["empty.xz", Buffer.alloc(0)],
    ["cut.gz", gzipSync(TEXT).subarray(0, 15)],
    ["cut.bz2", BZ2.subarray(0, 40)],
    ["cut.xz", XZ.subarray(0, 50)],
    ["flipped.xz", flipped],
  ] as const) {
    const kind = name.split(".")[1];
    const message = `${name}: found content that is damaged, cut short or no ${kind} at all, allowed: a whole ${kind} file`;
    expect(await refusal(name, bytes)).toBe(message);
  }
});

test("readTrace() refuses a file that is not there, is a folder, is empty or has a part of a key", async () => {
  const missing = readTrace(join(folder, "missing.xz"));
  expect(missing).rejects.toThrow(/^reading .*missing.xz failed: ENOENT/);
  expect(readTrace(folder)).rejects.toThrow(/^reading .* failed: EISDIR/);
  expect(await refusal("empty.txt", Buffer.alloc(0))).toBe("empty.txt: found no requests, allowed: at least one");
  expect(await refusal("text.trace", TEXT.subarray(0, 7))).toBe(
    "text.trace: found 3 bytes after key 1, allowed: keys of 4 bytes each; if this is text, say --format text",
  );
});

test("readTrace() stops at its bound of decompressed bytes, however small the file", async () => {
  const bomb = gzipSync(Buffer.alloc(2_000_000, "1 a 1\n"));
  expect(bomb.length).toBeLessThan(10_000);
  expect(await refusal("bomb.gz", bomb, { maxBytes: 1_000_000 })).toBe(
    "bomb.gz: found more than 1000000 decompressed bytes, allowed: 1000000",
  );
});
