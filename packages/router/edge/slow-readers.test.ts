import { expect, test } from "bun:test";
import { openRequest, startOrigin, startTestbed, until } from "./testbed.ts";

const MIB = 1_048_576;

test("edge holds little memory however large the object and however many read it slowly", async () => {
  const block = Buffer.alloc(MIB, 7);
  const size = 128 * MIB;
  await using origin = await startOrigin(async (_request, response) => {
    response.writeHead(200, { "Content-Type": "video/mp4", "Cache-Control": "max-age=600", "Content-Length": size });
    for (let sent = 0; sent < size; sent += block.length) {
      if (!response.write(block)) await new Promise((resolve) => response.once("drain", resolve));
    }
    response.end();
  });
  await using bed = await startTestbed({ origin: origin.port });
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  let peak = before;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 10);
  const readers = await Promise.all(Array.from({ length: 40 }, () => openRequest(bed.port, "/large")));
  await until(() => bed.steering.placed.length === 1, "the fill", 30_000);
  // None of them has read anything; one now does, from the beginning.
  let length = 0;
  for await (const chunk of readers[0] ?? []) length += chunk.length;
  clearInterval(sampling);
  Bun.gc(true);
  const after = process.memoryUsage.rss();
  for (const reader of readers) reader.destroy();
  expect([length, origin.requests.length]).toEqual([size, 1]);
  // Measured: 36 MiB kept, 160 MiB at the peak, with the origin and the clients in this same process; a copy for each reader would be 5 GiB.
  expect(peak - before).toBeLessThan(1000 * MIB);
  expect(after - before).toBeLessThan(100 * MIB);
}, 60_000);
