import { expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { startTestbed } from "../edge/testbed.ts";
import { purgerFor } from "./testbed.ts";

const ENTRIES = 3000;

for (const delayMs of [0, 10, 40, 100]) {
  test(`a purge goes on where kill -9 left it ${delayMs} ms after it was accepted`, async () => {
    const directory = await mkdtemp(join(tmpdir(), "neson-resume-"));
    try {
      const command = [process.execPath, join(import.meta.dir, "resume-child.ts"), directory, String(ENTRIES)];
      const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
      const id = await firstLine(child.stdout);
      await Bun.sleep(delayMs);
      child.kill(9);
      await child.exited;
      await checkResumed(directory, id);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }, 60_000);
}

async function checkResumed(directory: string, id: string): Promise<void> {
  await using bed = await startTestbed({ origin: "http://127.0.0.1:1", directory });
  await using purger = purgerFor(bed, { clock: systemClock });
  const left = await bed.db.selectFrom("entries").select("key").where("key", "like", "/img/%").execute();
  await purger.resume();
  // In effect at once, whatever rows are left.
  for (const { key } of left.slice(0, 20)) expect(await bed.catalog.find("test-site", key, {})).toBeUndefined();
  for (;;) {
    const job = await purger.find("test-site", id);
    if (job?.settledAtMs !== undefined) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const kept = ENTRIES / 10;
  expect(await purger.find("test-site", id)).toMatchObject({
    found: ENTRIES - kept,
    entries: ENTRIES - kept,
    objects: ENTRIES - kept,
  });
  expect(await bed.catalog.stored()).toMatchObject({ entries: kept, objects: kept, shieldObjects: kept });
  expect((await bed.catalog.find("test-site", "/kept/0", {}))?.key).toBe("/kept/0");
  const purged = await bed.db.selectFrom("purged_objects").select("object_id").execute();
  expect(purged.length).toBe(ENTRIES - kept);
  let files = 0;
  for (const name of await readdir(join(directory, "shield")))
    files += (await readdir(join(directory, "shield", name))).length;
  expect(files).toBe(kept);
  await using restarted = purgerFor(bed, { clock: systemClock });
  await restarted.resume();
  expect(bed.catalog.marks.concerns("test-site")).toBe(false);
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk);
    if (text.includes("\n")) return text.slice(0, text.indexOf("\n"));
  }
  throw new Error(`the child ended after saying ${JSON.stringify(text)}`);
}
