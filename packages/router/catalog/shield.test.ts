import { expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@neson/kit/log";
import { type ObjectDescription, ObjectHasher } from "@neson/protocol/object";
import { testBytes } from "../edge/testbed.ts";
import { openShield, type Shield } from "./shield.ts";

async function inShield(
  options: { maxBytes?: number; memoryBytes?: number },
  run: (shield: Shield, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "neson-shield-"));
  try {
    const shield = await openShield({ directory, maxBytes: 1e9, memoryBytes: 1e6, ...options }, { log: silentLog });
    await run(shield, directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function put(shield: Shield, bytes: Buffer): Promise<ObjectDescription> {
  const hasher = new ObjectHasher();
  const write = shield.begin();
  for (let at = 0; at < bytes.length; at += 65_536) {
    const chunk = bytes.subarray(at, at + 65_536);
    hasher.update(chunk);
    await write.append(chunk);
  }
  const object = hasher.finish();
  await write.finish(object);
  write.body.end();
  return object;
}

test("Shield keeps whole files under their ids and gives small ones from memory", () =>
  inShield({}, async (shield) => {
    const bytes = [testBytes(0), testBytes(1000), testBytes(700_000), testBytes(3_000_000)];
    for (const content of bytes) {
      const object = await put(shield, content);
      const file = shield.open(object.objectId);
      expect(file?.size).toBe(content.length);
      expect((await readFile(file?.path ?? "")).equals(content)).toBe(true);
      const loaded = await shield.load(object);
      expect(loaded === undefined ? "large" : Buffer.from(loaded).equals(content)).toBe(
        content.length > 1_048_576 ? "large" : true,
      );
    }
    expect([shield.objectCount, shield.storedBytes]).toEqual([4, 3_701_000]);
    // The same bytes again are the same file.
    await put(shield, testBytes(1000));
    expect([shield.objectCount, shield.storedBytes]).toEqual([4, 3_701_000]);
  }));

test("Shield lets the least recently used go when it is full, those that grow included", () =>
  inShield({ maxBytes: 1_000_000, memoryBytes: 0 }, async (shield, directory) => {
    const [a, b] = [await put(shield, testBytes(400_000, 1)), await put(shield, testBytes(400_000, 2))];
    shield.open(a.objectId);
    const write = shield.begin();
    await write.append(testBytes(300_000, 3));
    expect(shield.open(b.objectId)).toBeUndefined();
    await write.abort(new Error("given up"));
    expect(shield.storedBytes).toBe(400_000);
    await put(shield, testBytes(500_000, 4));
    expect([shield.storedBytes, shield.objectCount]).toEqual([900_000, 2]);
    for (let i = 0; i < 100 && (await readdir(join(directory, "partial"))).length > 0; i++) await Bun.sleep(10);
    expect(await readdir(join(directory, "partial"))).toEqual([]);
  }));

test("Shield adopts what the catalog knows and clears away the rest", () =>
  inShield({}, async (shield, directory) => {
    const whole = await put(shield, testBytes(5000, 1));
    const short = await put(shield, testBytes(5000, 2));
    const orphan = await put(shield, testBytes(5000, 3));
    await truncate(shield.open(short.objectId)?.path ?? "", 4999);
    await writeFile(join(directory, "partial", "7"), "half an object");

    const again = await openShield({ directory, maxBytes: 1e9, memoryBytes: 1e6 }, { log: silentLog });
    const asked: string[] = [];
    const altered = await again.adopt(async (objectIds) => {
      asked.push(...objectIds);
      return [whole, short].filter(({ objectId }) => objectIds.includes(objectId)).map(usedAt(1));
    });
    expect(asked.sort()).toEqual([whole, short, orphan].map(({ objectId }) => objectId).sort());
    expect(altered).toEqual([short.objectId]);
    expect(again.open(whole.objectId)?.size).toBe(5000);
    expect(again.open(short.objectId)).toBeUndefined();
    expect(again.open(orphan.objectId)).toBeUndefined();
    expect(await readdir(join(directory, "partial"))).toEqual([]);
    expect(await readdir(join(directory, orphan.objectId.slice(0, 2)))).toEqual([]);
  }));

test("Shield adopts in order of use: who was not asked for longest goes first", () =>
  inShield({}, async (shield, directory) => {
    const objects = await Promise.all([1, 2, 3, 4, 5].map((seed) => put(shield, testBytes(1000, seed))));
    const again = await openShield({ directory, maxBytes: 3000, memoryBytes: 1e6 }, { log: silentLog });
    await again.adopt(async (objectIds) =>
      objects.flatMap((object, i) => (objectIds.includes(object.objectId) ? [usedAt((i * 3) % 5)(object)] : [])),
    );
    // Used at 0, 3, 1, 4, 2.
    expect(objects.map(({ objectId }) => again.open(objectId) !== undefined)).toEqual([false, true, false, true, true]);
  }));

test("Shield finds altered bytes of small objects before they are served", () =>
  inShield({ memoryBytes: 1 }, async (shield) => {
    const object = await put(shield, testBytes(5000));
    const altered = testBytes(5000);
    altered[2500] = (altered[2500] ?? 0) ^ 1;
    await writeFile(shield.open(object.objectId)?.path ?? "", altered);
    expect(await shield.load(object)).toBeUndefined();
    expect(shield.open(object.objectId)).toBeUndefined();
  }));

function usedAt(lastUsedAtMs: number) {
  return ({ objectId, size }: { objectId: string; size: number }) => ({ objectId, size, lastUsedAtMs });
}
