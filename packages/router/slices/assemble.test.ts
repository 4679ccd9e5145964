import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { silentLog } from "@neson/kit/log";
import type { ObjectDescription } from "@neson/protocol/object";
import type { CatalogEntry, EntryDraft } from "../catalog/entry.ts";
import { openShield, type Shield } from "../catalog/shield.ts";
import { testBytes } from "../edge/testbed.ts";
import { assemble } from "./assemble.ts";
import { SLICE_BYTES } from "./grid.ts";
import { openSliceStore, type SliceStore } from "./slice-store.ts";
import type { Sliced } from "./sliced.ts";

const BYTES = testBytes(2 * SLICE_BYTES + 99);

interface Bed {
  store: SliceStore;
  shield: Shield;
  sliced: Sliced;
  directory: string;
  log: string[];
  run: (onPut?: () => void, signal?: AbortSignal) => Promise<CatalogEntry | undefined>;
}

async function withWhole(test: (bed: Bed) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "neson-assemble-"));
  const log: string[] = [];
  try {
    const shield = await openShield(
      { directory: join(directory, "shield"), maxBytes: 1e9, memoryBytes: 0 },
      { log: silentLog },
    );
    const options = { directory: join(directory, "slices"), maxBytes: 1e9 };
    await using store = await openSliceStore(options, { catalog: { onRemoved: () => {} }, log: silentLog });
    const times = { requestTimeMs: 1000, responseTimeMs: 1000 };
    const about = {
      site: "a",
      key: "/v",
      vary: [],
      variantKey: "",
      validator: '"1"',
      headers: ["ETag", '"1"'],
      ...times,
    };
    const sliced = store.add({ ...about, size: BYTES.length });
    for (let at = 0; at < BYTES.length; at += SLICE_BYTES) {
      await store.addPart(sliced, at, [BYTES.subarray(at, at + SLICE_BYTES)]);
    }
    const run: Bed["run"] = (onPut = () => {}, signal = new AbortController().signal) => {
      const catalog = {
        put: async (draft: EntryDraft, object: ObjectDescription) => {
          log.push(`put ${draft.key} ${object.sha256}`);
          onPut();
          return { object } as unknown as CatalogEntry;
        },
        remove: async (site: string, key: string) => void log.push(`remove ${site} ${key}`),
      };
      return assemble(sliced, { store, shield, catalog, clock: systemClock }, signal);
    };
    await test({ store, shield, sliced, directory, log, run });
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("assemble() makes an object of the stored parts, and then they go", async () => {
  await withWhole(async ({ store, shield, sliced, log, run }) => {
    const entry = await run();
    expect(log).toEqual([`put /v ${createHash("sha256").update(BYTES).digest("hex")}`]);
    expect(shield.open(entry?.object.objectId ?? "")?.size).toBe(BYTES.length);
    expect([sliced.objectId, store.partCount]).toEqual([entry?.object.objectId, 0]);
  });
});

test("assemble() leaves nothing behind when a part is gone, altered, or the work is cut off", async () => {
  await withWhole(async ({ store, shield, sliced, directory, log, run }) => {
    await expect(run(undefined, AbortSignal.abort(new Error("stopping")))).rejects.toThrow("stopping");
    const [name = ""] = (await readdir(join(directory, "slices", sliced.id))).filter((file) => file.startsWith("0-"));
    await rm(join(directory, "slices", sliced.id, name));
    await expect(run()).rejects.toThrow();
    expect(await run()).toBe(undefined);
    expect([log, shield.objectCount, store.partCount]).toEqual([[], 0, 2]);
    expect(await readdir(join(directory, "shield", "partial"))).toEqual([]);
  });
});

test("assemble() takes back what was invalidated while it was committed", async () => {
  await withWhole(async ({ store, log, run }) => {
    expect(await run(() => store.removeParts("a", "/v"))).toBe(undefined);
    expect(log[1]).toBe("remove a /v");
  });
});
