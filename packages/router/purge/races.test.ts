import { expect, test } from "bun:test";
import type { ServerResponse } from "node:http";
import { openRequest, startOrigin, testBytes, until } from "../edge/testbed.ts";
import { startPurgeTestbed } from "./testbed.ts";

const FRESH = { "Content-Type": "video/mp4", "Cache-Control": "max-age=6000" };

/** An origin that answers each request only when told to: `held[n]` in order of arrival. */
async function barrierOrigin() {
  const held: { target: string; headers: Record<string, unknown>; response: ServerResponse }[] = [];
  const origin = await startOrigin((request, response) => {
    held.push({ target: request.url ?? "", headers: request.headers, response });
  });
  const arrived = (count: number) => until(() => held.length >= count, `${count} requests at the origin`);
  const at = (index: number) => {
    const found = held[index];
    if (found === undefined) throw new Error(`the origin saw ${held.length} requests`);
    return found;
  };
  return { origin, held, arrived, at, [Symbol.asyncDispose]: () => origin[Symbol.asyncDispose]() };
}

for (const by of ["url", "tag"] as const) {
  const order = by === "url" ? { by, value: "/a" } : { by, value: "red" };

  test(`a pull under way while its object is purged by ${by} is for those who asked before, and is not kept`, async () => {
    await using held = await barrierOrigin();
    await using net = await startPurgeTestbed({ origin: held.origin.port });
    const first = net.bed.get("/a");
    await held.arrived(1);
    await net.purge(order);
    const second = net.bed.get("/a");
    if (by === "url") await held.arrived(2);
    else await until(() => net.bed.edge.stats.requests === 2, "the second request");
    held
      .at(0)
      .response.writeHead(200, { ...FRESH, "Cache-Tag": "red" })
      .end("old");
    expect((await first).body.toString()).toBe("old");
    await held.arrived(2);
    held
      .at(1)
      .response.writeHead(200, { ...FRESH, "Cache-Tag": "red" })
      .end("new");
    expect((await second).body.toString()).toBe("new");
    const third = await net.bed.get("/a");
    expect([third.body.toString(), third.headers["cache-status"]]).toEqual(["new", "NESON; hit; ttl=6000"]);
    expect(held.held.length).toBe(2);
  });

  test(`a body half received while it is purged by ${by} goes to its reader and is not kept`, async () => {
    await using held = await barrierOrigin();
    await using net = await startPurgeTestbed({ origin: held.origin.port });
    const body = testBytes(600_000);
    const asked = openRequest(net.bed.port, "/a");
    await held.arrived(1);
    held.at(0).response.writeHead(200, { ...FRESH, "Cache-Tag": "red", "Content-Length": body.length });
    held.at(0).response.write(body.subarray(0, 300_000));
    const reading = await asked;
    const job = await net.purge(order);
    const other = net.bed.get("/a");
    await held.arrived(2);
    held
      .at(1)
      .response.writeHead(200, { ...FRESH, "Cache-Tag": "red" })
      .end("new");
    expect((await other).body.toString()).toBe("new");
    expect((await net.purger.find("test-site", job.id))?.settledAtMs).toBeUndefined();
    held.at(0).response.end(body.subarray(300_000));
    let received = 0;
    for await (const chunk of reading) received += chunk.length;
    expect(received).toBe(body.length);
    await net.settled(job);
    expect((await net.bed.get("/a")).body.toString()).toBe("new");
    expect(held.held.length).toBe(2);
  });
}

test("many who wait for a purged pull lead one new one together", async () => {
  await using held = await barrierOrigin();
  await using net = await startPurgeTestbed({ origin: held.origin.port });
  const waiting = Array.from({ length: 20 }, () => net.bed.get("/a"));
  await held.arrived(1);
  await net.purge({ by: "tag", value: "red" });
  held
    .at(0)
    .response.writeHead(200, { ...FRESH, "Cache-Tag": "red" })
    .end("old");
  await held.arrived(2);
  held.at(1).response.writeHead(200, FRESH).end("new");
  const bodies = (await Promise.all(waiting)).map(({ body }) => body.toString());
  expect(bodies.filter((body) => body === "old").length).toBe(1);
  expect(bodies.filter((body) => body === "new").length).toBe(19);
  expect(held.held.length).toBe(2);
});

test("a 304 under way while its object is purged revives nothing", async () => {
  await using held = await barrierOrigin();
  await using net = await startPurgeTestbed({ origin: held.origin.port });
  const etag = { ...FRESH, "Cache-Control": "max-age=10", ETag: '"1"' };
  const filling = net.bed.get("/a");
  await held.arrived(1);
  held.at(0).response.writeHead(200, etag).end("old");
  await filling;
  await net.clock.advance(20_000);
  const confirming = net.bed.get("/a");
  await held.arrived(2);
  expect(held.at(1).headers["if-none-match"]).toBe('"1"');
  await net.purge({ by: "prefix", value: "/" });
  const after = net.bed.get("/a");
  await held.arrived(3);
  expect(held.at(2).headers["if-none-match"]).toBeUndefined();
  held.at(2).response.writeHead(200, etag).end("new");
  expect((await after).body.toString()).toBe("new");
  held.at(1).response.writeHead(304, etag).end();
  await held.arrived(4);
  expect(held.at(3).headers["if-none-match"]).toBeUndefined();
  held.at(3).response.writeHead(200, etag).end("newer");
  expect((await confirming).body.toString()).toBe("newer");
});

test("a renewal behind a stale answer, purged on its way, brings nothing back", async () => {
  await using held = await barrierOrigin();
  await using net = await startPurgeTestbed({ origin: held.origin.port });
  const headers = { ...FRESH, "Cache-Control": "max-age=10, stale-while-revalidate=1000", ETag: '"1"' };
  const filling = net.bed.get("/a");
  await held.arrived(1);
  held.at(0).response.writeHead(200, headers).end("old");
  await filling;
  await net.clock.advance(20_000);
  expect((await net.bed.get("/a")).body.toString()).toBe("old");
  await held.arrived(2);
  const job = await net.purge({ by: "url", value: "/a" });
  held.at(1).response.writeHead(304, headers).end();
  // The 304 is of no use any more: the renewal fetches instead.
  await held.arrived(3);
  expect(held.at(2).headers["if-none-match"]).toBeUndefined();
  held
    .at(2)
    .response.writeHead(200, { ...headers, Date: new Date(net.clock.nowMs()).toUTCString() })
    .end("new");
  await net.settled(job);
  expect((await net.bed.get("/a")).body.toString()).toBe("new");
});

test("a soft purge during a 304 makes stale what that confirmed", async () => {
  await using held = await barrierOrigin();
  await using net = await startPurgeTestbed({ origin: held.origin.port });
  const headers = { ...FRESH, "Cache-Control": "max-age=100", ETag: '"1"' };
  const filling = net.bed.get("/a");
  await held.arrived(1);
  held.at(0).response.writeHead(200, headers).end("old");
  await filling;
  await net.clock.advance(200_000);
  const confirming = net.bed.get("/a");
  await held.arrived(2);
  const job = await net.purge({ by: "url", value: "/a", mode: "soft" });
  held.at(1).response.writeHead(304, headers).end();
  await confirming;
  await net.settled(job);
  const after = net.bed.get("/a");
  await held.arrived(3);
  expect(held.at(2).headers["if-none-match"]).toBe('"1"');
  held
    .at(2)
    .response.writeHead(304, { ...headers, Date: new Date(net.clock.nowMs()).toUTCString() })
    .end();
  expect((await after).body.toString()).toBe("old");
  // Confirmed after the purge, it is fresh again.
  expect((await net.bed.get("/a")).headers["cache-status"]).toContain("hit");
  expect(held.held.length).toBe(3);
});

test("a first slice under way while its file is purged is not given to those who ask later", async () => {
  await using held = await barrierOrigin();
  await using net = await startPurgeTestbed({ origin: held.origin.port });
  const part = (text: string) => ({
    ...{ ...FRESH, ETag: `"${text}"`, "Content-Range": "bytes 0-2/100000000", "Content-Length": 3 },
  });
  const range = { headers: { Range: "bytes=0-2" } };
  const first = net.bed.get("/big", range);
  await held.arrived(1);
  await net.purge({ by: "tag", value: "anything" });
  const second = net.bed.get("/big", range);
  await until(() => net.bed.edge.stats.requests === 2, "the second request");
  held.at(0).response.writeHead(206, part("old")).write("ol");
  await held.arrived(2);
  held.at(0).response.end("d");
  expect((await first).body.toString()).toBe("old");
  held.at(1).response.writeHead(206, part("new")).end("new");
  expect((await second).body.toString()).toBe("new");
  expect((await net.bed.get("/big", range)).body.toString()).toBe("new");
});

test("a file put together from slices while it is purged becomes no object", async () => {
  const [old, fresh] = [testBytes(9_000_000, 3), testBytes(9_000_000, 4)];
  let body = old;
  await using origin = await startOrigin((request, response) => {
    const [first = 0, last = body.length - 1] =
      /bytes=(\d+)-(\d+)?/
        .exec(request.headers.range ?? "")
        ?.slice(1)
        .flatMap((n) => (n === undefined ? [] : [Number(n)])) ?? [];
    const etag = body === old ? '"1"' : '"2"';
    const end = Math.min(last, body.length - 1);
    const headers = {
      ...FRESH,
      ETag: etag,
      "Content-Range": `bytes ${first}-${end}/${body.length}`,
      "Content-Length": end - first + 1,
    };
    if (request.headers["if-range"] !== undefined && request.headers["if-range"] !== etag) {
      response.writeHead(200, { ...FRESH, ETag: etag }).end(body);
    } else response.writeHead(206, headers).end(body.subarray(first, end + 1));
  });
  await using net = await startPurgeTestbed({ origin: origin.port });
  const put = net.bed.catalog.put.bind(net.bed.catalog);
  const atCommit = Promise.withResolvers<void>();
  const mayCommit = Promise.withResolvers<void>();
  net.bed.catalog.put = async (draft, object) => {
    atCommit.resolve();
    await mayCommit.promise;
    return await put(draft, object);
  };
  const range = (first: number, last: number) => net.bed.get("/big", { headers: { Range: `bytes=${first}-${last}` } });
  await range(0, 4_499_999);
  await range(4_500_000, 8_999_999);
  // Half speed is kept by the clock, which a test has to move on.
  const ticking = setInterval(() => void net.clock.advance(50), 5);
  try {
    await atCommit.promise;
    body = fresh;
    const job = await net.purge({ by: "url", value: "/big" });
    expect((await range(0, 99)).body.equals(fresh.subarray(0, 100))).toBe(true);
    mayCommit.resolve();
    await net.settled(job);
    expect((await range(5_000_000, 5_000_099)).body.equals(fresh.subarray(5_000_000, 5_000_100))).toBe(true);
    const object = await net.bed.catalog.find("test-site", "/big", {});
    expect(object === undefined || object.headers.includes('"2"')).toBe(true);
  } finally {
    clearInterval(ticking);
  }
}, 20_000);

test("what came of a body that broke off is not kept when it was purged before", async () => {
  await using held = await barrierOrigin();
  await using net = await startPurgeTestbed({ origin: held.origin.port });
  const body = testBytes(600_000);
  const headers = { ...FRESH, ETag: '"1"', "Accept-Ranges": "bytes", "Content-Length": body.length };
  const asked = openRequest(net.bed.port, "/a");
  await held.arrived(1);
  held.at(0).response.writeHead(200, headers);
  held.at(0).response.write(body.subarray(0, 400_000));
  const reading = await asked;
  reading.on("error", () => {});
  reading.resume();
  const job = await net.purge({ by: "url", value: "/a" });
  held.at(0).response.destroy();
  await net.settled(job);
  expect(net.bed.slices.partCount).toBe(0);
});

test("a coded form made while its object is purged is not kept", async () => {
  const text = "some text that compresses well ".repeat(2000);
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/plain", "Cache-Control": "max-age=6000" }).end(text);
  });
  await using net = await startPurgeTestbed({ origin: origin.port, site: { cache: { compression: true } } });
  await net.bed.get("/t");
  const entry = await net.bed.catalog.find("test-site", "/t", {});
  const load = net.bed.shield.load.bind(net.bed.shield);
  const inMemory = net.bed.shield.inMemory.bind(net.bed.shield);
  const reading = Promise.withResolvers<void>();
  const mayRead = Promise.withResolvers<void>();
  net.bed.shield.inMemory = () => undefined;
  net.bed.shield.load = async (object) => {
    const bytes = await load(object);
    reading.resolve();
    await mayRead.promise;
    return bytes;
  };
  const coded = net.bed.get("/t", { headers: { "Accept-Encoding": "gzip" } });
  await reading.promise;
  await net.purge({ by: "site", value: "" });
  mayRead.resolve();
  expect((await coded).headers["content-encoding"]).toBe("gzip");
  Object.assign(net.bed.shield, { load, inMemory });
  expect(net.bed.shield.inMemory(entry?.object.objectId ?? "")).toBeUndefined();
  expect(net.bed.shield.objectCount).toBe(0);
  expect(net.told).toEqual([entry?.object.objectId ?? ""]);
  expect(net.published.gone).toEqual([entry?.object.objectId ?? ""]);
  const again = await net.bed.get("/t", { headers: { "Accept-Encoding": "gzip" } });
  expect(again.headers["cache-status"]).toContain("fwd=miss");
});

test("a manifest asked for while the rows of a purge are still there is not given", async () => {
  await using origin = await startOrigin((_request, response) => void response.writeHead(200, FRESH).end("old"));
  await using net = await startPurgeTestbed({ origin: origin.port });
  await net.bed.get("/a");
  const entry = await net.bed.catalog.find("test-site", "/a", {});
  const { objectId } = entry?.object ?? { objectId: "" };
  expect(await net.bed.catalog.manifestFor(objectId, entry?.headersId ?? "")).toBeDefined();
  await net.clock.advance(5);
  const mark = { order: { site: "test-site", by: "site", value: "", mode: "hard" } as const, atMs: net.clock.nowMs() };
  net.bed.catalog.marks.set(mark);
  expect(await net.bed.catalog.manifestFor(objectId, entry?.headersId ?? "")).toBeUndefined();
  expect(await net.bed.catalog.headersIdsOf(objectId)).toEqual(new Set());
  net.bed.catalog.marks.lift(mark);
});

test("apply() carries out another Router's purge and publishes only what it took out", async () => {
  await using origin = await startOrigin((_request, response) => void response.writeHead(200, FRESH).end("old"));
  await using net = await startPurgeTestbed({ origin: origin.port });
  await net.bed.get("/a");
  const entry = await net.bed.catalog.find("test-site", "/a", {});
  const objectId = entry?.object.objectId ?? "";
  await net.clock.advance(5);
  await net.purger.apply({ site: "test-site", by: "url", value: "/a", mode: "hard" }, "another-routers");
  expect(await net.bed.catalog.find("test-site", "/a", {})).toBeUndefined();
  expect([net.published.orders, net.published.gone, net.told]).toEqual([[], [objectId], [objectId]]);
  await net.purger.drop(["ab".repeat(32)]);
  expect(net.told).toEqual([objectId, "ab".repeat(32)]);
});
