import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { CodedBodies } from "./coded-bodies.ts";
import { encodeLive } from "./coder.ts";
import { CODINGS, type Coding } from "./coding.ts";

const TEXT = Buffer.from("the quick brown fox jumps over the lazy dog\n".repeat(500));
const DECODE: Record<Coding, (bytes: Uint8Array) => Buffer> = {
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
  gzip: gunzipSync,
};

test.each([...CODINGS])("make() with %s gives bytes that decode to the object", async (coding) => {
  const bodies = new CodedBodies({ memoryBytes: 1e6 });
  const body = await bodies.make("a", coding, async () => TEXT);
  expect(DECODE[coding](body?.bytes ?? new Uint8Array()).equals(TEXT)).toBe(true);
  expect(bodies.find("a", coding)).toBe(body);
  expect(bodies.find("b", coding)).toBeUndefined();
});

test("make() reads and codes once for all who ask meanwhile", async () => {
  const bodies = new CodedBodies({ memoryBytes: 1e6 });
  let reads = 0;
  const read = async () => {
    reads += 1;
    return TEXT;
  };
  const [a, b] = await Promise.all([bodies.make("a", "br", read), bodies.make("a", "br", read)]);
  expect(a).toBe(b);
  expect(reads).toBe(1);
});

test("make() remembers that coding gains nothing", async () => {
  const bodies = new CodedBodies({ memoryBytes: 1e6 });
  await bodies.make("a", "gzip", async () => randomBytes(10_000));
  expect(bodies.find("a", "gzip")).toEqual({ bytes: undefined });
});

test("make() does no more than eight things at once, and recovers from a failed read", async () => {
  const bodies = new CodedBodies({ memoryBytes: 1e6 });
  const gate = Promise.withResolvers<Uint8Array>();
  const making = Array.from({ length: 8 }, (_, i) => bodies.make(`o${i}`, "br", () => gate.promise));
  expect(bodies.make("one-more", "br", async () => TEXT)).toBeUndefined();
  gate.reject(new Error("disk gone"));
  const settled = await Promise.allSettled(making);
  expect(settled.every(({ status }) => status === "rejected")).toBe(true);
  expect(await bodies.make("one-more", "br", async () => TEXT)).toBeDefined();
});

test("kept bodies stay within the memory given", async () => {
  const bodies = new CodedBodies({ memoryBytes: 20_000 });
  for (let i = 0; i < 20; i++) {
    const text = Buffer.from(randomBytes(4000).toString("hex"));
    await bodies.make(`o${i}`, "gzip", async () => text);
  }
  expect(bodies.memoryBytes).toBeLessThanOrEqual(20_000);
  expect(bodies.memoryBytes).toBeGreaterThan(4000);
});

async function* pieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

test.each([...CODINGS])("encodeLive() with %s codes what streams by", async (coding) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of encodeLive(pieces(TEXT, 777), coding)) chunks.push(chunk);
  expect(DECODE[coding](Buffer.concat(chunks)).equals(TEXT)).toBe(true);
});

test("encodeLive() breaks off when the body does, and stops the body when its reader leaves", async () => {
  async function* broken() {
    yield TEXT;
    throw new Error("cut short");
  }
  const read = async () => {
    for await (const chunk of encodeLive(broken(), "gzip")) expect(chunk.length).toBeGreaterThan(0);
  };
  expect(read()).rejects.toThrow("cut short");

  let wasStopped = false;
  async function* endless() {
    try {
      for (;;) yield randomBytes(65_536);
    } finally {
      wasStopped = true;
    }
  }
  for await (const chunk of encodeLive(endless(), "gzip")) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
  expect(wasStopped).toBe(true);
});
