import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { startOrigin, startTestbed, type TestbedOptions, until } from "../edge/testbed.ts";
import type { PrefetchJob } from "./prefetch-tables.ts";
import { PrefetchTables } from "./prefetch-tables.ts";
import { Prefetcher } from "./prefetcher.ts";

const FRESH = { "Content-Type": "video/mp4", "Cache-Control": "max-age=6000" };

async function start(options: Omit<TestbedOptions, "clock">) {
  const clock = new FakeClock(Date.now());
  const bed = await startTestbed({ ...options, clock });
  const tables = new PrefetchTables(bed.db);
  const make = () =>
    new Prefetcher({
      ...{ tables, clock, log: silentLog, sites: { byName: () => bed.site } },
      pull: (site, target) => bed.edge.prefetch(site, target),
    });
  let prefetcher = make();
  const done = async ({ id }: { id: string }): Promise<PrefetchJob> => {
    for (;;) {
      const job = await tables.find("test-site", id);
      if (job?.doneAtMs !== undefined) return job;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    ...{ bed, clock, tables, done },
    prefetch: (targets: string[], follows = false) => prefetcher.prefetch(bed.site, targets, follows),
    restart: async () => {
      await prefetcher[Symbol.asyncDispose]();
      prefetcher = make();
      await prefetcher.resume();
    },
    [Symbol.asyncDispose]: async () => {
      await prefetcher[Symbol.asyncDispose]();
      await bed[Symbol.asyncDispose]();
    },
  };
}

test("prefetch() stores what viewers then get from here, says what became of each target, and places it on Terminals", async () => {
  await using origin = await startOrigin((request, response) => {
    if (request.url === "/private") response.writeHead(200, { ...FRESH, "Cache-Control": "private" }).end("x");
    else if (request.url === "/broken") {
      response.writeHead(200, { ...FRESH, "Content-Length": 10 }).write("short", () => request.socket.destroy());
    } else response.writeHead(200, FRESH).end(`body of ${request.url}`);
  });
  const rewrite = { requestHeaders: [{ path: "/*", name: "X-From", set: "neson" }] };
  await using net = await start({ origin: origin.port, site: { rewrite } });
  await net.bed.get("/known");
  const job = await net.prefetch(["/a", "/b?x=1", "/known", "/private", "/broken"]);
  const done = await net.done(job);
  expect(done.counts).toEqual({ waiting: 0, stored: 2, fresh: 1, "not-storable": 1, failed: 1 });
  expect(done.bytes).toBe("body of /a".length + "body of /b?x=1".length + "body of /known".length);
  expect((await net.tables.troubles(job.id, 10)).map(({ target, state }) => [target, state])).toEqual([
    ["/private", "not-storable"],
    ["/broken", "failed"],
  ]);
  expect(net.bed.steering.placed.map(({ key }) => key).sort()).toEqual(["/a", "/b?x=1", "/known", "/known"]);
  const before = origin.requests.length;
  expect((await net.bed.get("/b?x=1")).headers["cache-status"]).toContain("hit");
  expect(origin.requests.length).toBe(before);
  expect(origin.requests.find(({ target }) => target === "/a")?.headers).toMatchObject({ "x-from": "neson" });
});

test("prefetch() follows playlists, to the segments of the playlists that they name, each once", async () => {
  await using origin = await startOrigin((request, response) => {
    const list = (lines: string[]) =>
      response
        .writeHead(200, { ...FRESH, "Content-Type": "application/vnd.apple.mpegurl" })
        .end(["#EXTM3U", ...lines].join("\n"));
    if (request.url === "/v/master.m3u8") list(["hd.m3u8", "sd.m3u8"]);
    else if (request.url === "/v/hd.m3u8") list(["hd-1.ts", "hd-2.ts", "master.m3u8"]);
    else if (request.url === "/v/sd.m3u8") list(["sd-1.ts", "http://elsewhere.test/x.ts"]);
    else response.writeHead(200, FRESH).end("segment");
  });
  await using net = await start({ origin: origin.port });
  const followed = await net.done(await net.prefetch(["/v/master.m3u8"], true));
  expect(followed.counts).toMatchObject({ stored: 6, failed: 0 });
  expect(origin.requests.map(({ target }) => target).sort()).toEqual([
    ...["/v/hd-1.ts", "/v/hd-2.ts", "/v/hd.m3u8", "/v/master.m3u8", "/v/sd-1.ts", "/v/sd.m3u8"],
  ]);
  expect((await net.done(await net.prefetch(["/v/master.m3u8"], false))).counts).toMatchObject({ fresh: 1, stored: 0 });
});

test("prefetch() asks an origin for a few things at a time, one job after the other", async () => {
  const held: (() => void)[] = [];
  await using origin = await startOrigin((_request, response) => {
    held.push(() => response.writeHead(200, FRESH).end("x"));
  });
  await using net = await start({ origin: origin.port });
  const first = await net.prefetch(Array.from({ length: 30 }, (_, i) => `/a${i}`));
  const second = await net.prefetch(["/b"]);
  await until(() => held.length === 4, "the first pulls");
  for (let answered = 0; answered < 31; answered++) {
    await until(() => held.length > answered, "the next pull");
    expect(held.length - answered).toBeLessThanOrEqual(4);
    held[answered]?.();
  }
  expect((await net.done(first)).counts.stored).toBe(30);
  expect((await net.done(second)).counts.stored).toBe(1);
  expect(origin.requests.at(-1)?.target).toBe("/b");
});

test("prefetch() leaves an origin alone that is busy, and comes back", async () => {
  const state = { isBusy: true };
  await using origin = await startOrigin((_request, response) => {
    if (state.isBusy) response.writeHead(503).end();
    else response.writeHead(200, FRESH).end("x");
  });
  await using net = await start({ origin: origin.port });
  const job = await net.prefetch(["/a", "/b"]);
  await until(() => origin.requests.length === 2 && net.clock.sleeping > 0, "the refusals");
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(origin.requests.length).toBe(2);
  state.isBusy = false;
  const done = net.done(job);
  for (let i = 0; i < 3; i++) {
    await net.clock.advance(5000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await done).counts.stored).toBe(2);
});

test("a prefetch goes on after a restart with what was waiting", async () => {
  const held: (() => void)[] = [];
  await using origin = await startOrigin((_request, response) => {
    held.push(() => response.writeHead(200, FRESH).end("x"));
  });
  await using net = await start({ origin: origin.port });
  const job = await net.prefetch(Array.from({ length: 10 }, (_, i) => `/a${i}`));
  await until(() => held.length === 4, "the first pulls");
  held[0]?.();
  await until(() => held.length === 5, "the next pull");
  await net.restart();
  expect((await net.tables.find("test-site", job.id))?.counts.stored).toBe(1);
  let answered = 1;
  const done = net.done(job);
  let isOver = false;
  void done.finally(() => {
    isOver = true;
  });
  await until(() => {
    while (answered < held.length) held[answered++]?.();
    return isOver;
  }, "the rest");
  expect((await done).counts).toMatchObject({ stored: 9 + 1 - (await done).counts.fresh, waiting: 0 });
});

test("prefetch() pulls nothing for a site whose month's cap is reached", async () => {
  await using origin = await startOrigin((_request, response) => void response.writeHead(200, FRESH).end("x"));
  await using net = await start({ origin: origin.port, watch: { spendStateOf: () => "stopped" } });
  const job = await net.prefetch(["/a"]);
  expect((await net.done(job)).counts.failed).toBe(1);
  expect((await net.tables.troubles(job.id, 1))[0]?.detail).toContain("spend cap");
  expect(origin.requests.length).toBe(0);
});
