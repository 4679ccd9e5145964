import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startOrigin, startTestbed, testBytes, until } from "./testbed.ts";

const BODIES = Array.from({ length: 300 }, (_, i) => testBytes(i % 3 === 0 ? 400_000 : 5000, i + 1));

test("edge has a consistent catalog after kill -9 at any moment", async () => {
  await using origin = await startOrigin((request, response) => {
    const body = BODIES[Number(request.url?.slice(1))];
    response.writeHead(200, { "Content-Type": "video/mp4", "Cache-Control": "max-age=6000" }).end(body);
  });
  const directory = await mkdtemp(join(tmpdir(), "neson-crash-"));
  const url = `http://127.0.0.1:${origin.port}`;
  try {
    for (let round = 0; round < 6; round++) {
      const seen = origin.requests.length;
      const script = join(import.meta.dir, "crash-child.ts");
      const command = [process.execPath, script, url, directory, String(round * 40)];
      const child = Bun.spawn(command, { stdout: "ignore", stderr: "inherit" });
      // A few requests, and then a moment that differs each time.
      await until(() => origin.requests.length > seen + 10 + round * 7, "the child to pull", 20_000);
      child.kill(9);
      await child.exited;
      await checkConsistent(url, directory);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
}, 60_000);

async function checkConsistent(origin: string, directory: string): Promise<void> {
  await using bed = await startTestbed({ origin, directory, shieldBytes: 20_000_000 });
  expect(await readdir(join(directory, "shield", "partial"))).toEqual([]);
  const objects = await bed.db.selectFrom("objects").selectAll().execute();
  expect(objects.length).toBeGreaterThanOrEqual(bed.shield.objectCount);
  expect(objects.length).toBeGreaterThan(0);
  for (const object of objects) {
    const file = bed.shield.open(object.object_id);
    // What the shield had no room for any more.
    if (file === undefined) continue;
    const bytes = await readFile(file.path);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(object.sha256);
  }
  const entries = await bed.db.selectFrom("entries").select(["key", "object_id"]).execute();
  for (const { key, object_id } of entries) {
    const body = BODIES[Number(key.slice(1))] ?? Buffer.alloc(0);
    const entry = await bed.catalog.find("test-site", key, {});
    expect(entry?.object.objectId).toBe(object_id);
    expect(entry?.object.sha256).toBe(createHash("sha256").update(body).digest("hex"));
    expect(await bed.catalog.manifestFor(object_id, entry?.headersId ?? "")).toBeDefined();
  }
  const sample = entries[0]?.key ?? "/0";
  expect((await bed.get(sample)).body.equals(BODIES[Number(sample.slice(1))] ?? Buffer.alloc(0))).toBe(true);
}
