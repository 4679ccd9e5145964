import { expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@neson/kit/log";
import { testBytes } from "../edge/testbed.ts";
import { SLICE_BYTES } from "./grid.ts";
import { openSliceStore, type SliceStore } from "./slice-store.ts";
import type { Sliced } from "./sliced.ts";

const BYTES = testBytes(3 * SLICE_BYTES);

async function inFolder(run: (open: (maxBytes?: number) => Promise<SliceStore>, directory: string) => Promise<void>) {
  const directory = await mkdtemp(join(tmpdir(), "neson-slices-"));
  const catalog = { onRemoved: () => {} };
  try {
    await run((maxBytes = 1e9) => openSliceStore({ directory, maxBytes }, { catalog, log: silentLog }), directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

function draft(key: string, size = BYTES.length, vary: [string, string | null][] = []) {
  const headers = ["ETag", '"1"', "Cache-Control", "max-age=60"];
  const variantKey = vary.length === 0 ? "" : JSON.stringify(vary);
  return {
    site: "a",
    key,
    vary,
    variantKey,
    size,
    validator: '"1"',
    headers,
    requestTimeMs: 1000,
    responseTimeMs: 1000,
  };
}

const slice = (index: number) => [BYTES.subarray(index * SLICE_BYTES, (index + 1) * SLICE_BYTES)];

async function text(store: SliceStore, sliced: Sliced, first: number, last: number): Promise<Buffer | undefined> {
  const reading = store.read(sliced, first, last);
  if (reading === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of reading) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("SliceStore gives back what it was given, also to the next process", async () => {
  await inFolder(async (open) => {
    {
      await using store = await open();
      const sliced = store.add(draft("/v"));
      expect(await store.addPart(sliced, SLICE_BYTES, slice(1))).toBe(true);
      expect(await text(store, sliced, SLICE_BYTES + 5, SLICE_BYTES + 300_000)).toEqual(
        BYTES.subarray(SLICE_BYTES + 5, SLICE_BYTES + 300_001),
      );
      expect(await text(store, sliced, 0, 5)).toBe(undefined);
    }
    await using store = await open();
    const sliced = store.find("a", "/v", {});
    expect(sliced).toMatchObject({ size: BYTES.length, validator: '"1"', facts: { lifetimeSeconds: 60 } });
    expect([store.storedBytes, store.partCount]).toEqual([SLICE_BYTES, 1]);
    // No further than the part goes.
    const found = await text(store, sliced as Sliced, SLICE_BYTES, BYTES.length - 1);
    expect(found?.equals(BYTES.subarray(SLICE_BYTES, 2 * SLICE_BYTES))).toBe(true);
  });
});

test("SliceStore takes nothing up that is not whole", async () => {
  await inFolder(async (open, directory) => {
    {
      await using store = await open();
      for (const key of ["/a", "/b", "/c"]) {
        const sliced = store.add(draft(key));
        for (const index of [0, 1]) await store.addPart(sliced, index * SLICE_BYTES, slice(index));
      }
    }
    const [first, second] = (await readdir(directory)).filter((name) => name !== "aside");
    const names = await readdir(join(directory, first ?? ""));
    await truncate(join(directory, first ?? "", names.find((name) => name.startsWith("0-")) ?? ""), 5);
    await writeFile(join(directory, first ?? "", "0-4-abc"), "hello");
    await writeFile(join(directory, second ?? "", "head.json"), '{"site":');
    await mkdir(join(directory, "empty"));
    await writeFile(join(directory, "aside", "7"), "rubbish");
    await using store = await open();
    expect([store.partCount, (await readdir(directory)).length]).toEqual([3, 3]);
    expect(await readdir(join(directory, "aside"))).toEqual([]);
  });
});

test("SliceStore never gives bytes that the disk altered, and forgets them", async () => {
  await inFolder(async (open, directory) => {
    await using store = await open();
    const sliced = store.add(draft("/v"));
    await store.addPart(sliced, 0, slice(0));
    await store.addPart(sliced, SLICE_BYTES, slice(1));
    for (const name of await readdir(join(directory, sliced.id))) {
      if (name.startsWith("0-")) await writeFile(join(directory, sliced.id, name), testBytes(SLICE_BYTES, 7));
    }
    await expect(text(store, sliced, 0, 9)).rejects.toThrow("altered");
    expect(await text(store, sliced, 0, 9)).toBe(undefined);
    expect((await text(store, sliced, SLICE_BYTES, SLICE_BYTES + 9))?.length).toBe(10);
    expect(store.storedBytes).toBe(SLICE_BYTES);
  });
});

test("SliceStore evicts the parts used least recently, and what has no part left", async () => {
  await inFolder(async (open, directory) => {
    await using store = await open(2 * SLICE_BYTES);
    const [one, two] = [store.add(draft("/1")), store.add(draft("/2"))];
    await store.addPart(one, 0, slice(0));
    await store.addPart(two, 0, slice(0));
    await text(store, one, 0, 0);
    await store.addPart(one, SLICE_BYTES, slice(1));
    expect([store.find("a", "/1", {})?.parts.length, store.find("a", "/2", {})]).toEqual([2, undefined]);
    expect(store.storedBytes).toBe(2 * SLICE_BYTES);
    await store[Symbol.asyncDispose]();
    expect((await readdir(directory)).sort()).toEqual([one.id, "aside"].sort());
    expect(await store.addPart(store.add(draft("/3")), 0, [BYTES])).toBe(false);
  });
});

test("SliceStore keeps variants apart, replaces an older version, and keeps few variants", async () => {
  await inFolder(async (open) => {
    await using store = await open();
    const languages = Array.from({ length: 20 }, (_, i) => `l${i}`);
    for (const language of languages) {
      const sliced = store.add(draft("/v", BYTES.length, [["accept-language", language]]));
      await store.addPart(sliced, 0, slice(0));
    }
    const find = (language: string) => store.find("a", "/v", { "accept-language": language });
    expect(find("l19")?.parts.length).toBe(1);
    expect(languages.filter((language) => find(language) !== undefined).length).toBeLessThan(20);
    const former = find("l19") as Sliced;
    const next = store.add(draft("/v", 5, [["accept-language", "l19"]]));
    expect([former.isDoomed, find("l19") === next]).toEqual([true, true]);
    expect(await store.addPart(former, SLICE_BYTES, slice(1))).toBe(false);
  });
});

test("SliceStore forgets by key, site and whatever matches, and dooms what is under way", async () => {
  await inFolder(async (open) => {
    await using store = await open();
    for (const key of ["/a/1", "/a/2", "/b"]) await store.addPart(store.add(draft(key)), 0, slice(0));
    using hit = store.watch("a", "/a/1");
    using missed = store.watch("a", "/b");
    store.removeParts("a", "/a/2");
    expect([store.partCount, hit.isDoomed]).toEqual([2, false]);
    store.removeWhere("a", (key, headers) => key.startsWith("/a/") && headers?.[0] !== "X");
    expect([store.partCount, hit.isDoomed, missed.isDoomed]).toEqual([1, true, false]);
    store.removeSite("b");
    expect(store.partCount).toBe(1);
    store.removeSite("a");
    expect([store.partCount, store.storedBytes, missed.isDoomed]).toEqual([0, 0, true]);
  });
});

test("SliceStore goes on when the disk cannot be written, and says so when it cannot start", async () => {
  await inFolder(async (open, directory) => {
    await using store = await open();
    const sliced = store.add(draft("/v"));
    await rm(join(directory, "aside"), { recursive: true });
    expect(await store.addPart(sliced, 0, slice(0))).toBe(false);
    await mkdir(join(directory, "aside"));
    expect(await store.addPart(sliced, 0, slice(0))).toBe(true);
    await writeFile(join(directory, "file"), "");
    const path = join(directory, "file", "slices");
    const opening = openSliceStore(
      { directory: path, maxBytes: 1 },
      { catalog: { onRemoved: () => {} }, log: silentLog },
    );
    await expect(opening).rejects.toMatchObject({ code: "slices-unusable", fault: "operator" });
    await rm(join(directory, "file"));
  });
});
