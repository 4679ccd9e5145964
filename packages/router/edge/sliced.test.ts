import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FakeClock } from "@neson/kit/fake-clock";
import fc from "fast-check";
import { SLICE_BYTES } from "../slices/grid.ts";
import { openRequest, startOrigin, startTestbed, type Testbed, testBytes, until } from "./testbed.ts";

const MIB = 1_048_576;
const GIB = 1024 * MIB;
const TILE = testBytes(65_521);

/** Byte `at` of a file of any size. */
function expectedBytes(first: number, last: number, tile = TILE): Buffer {
  const bytes = Buffer.alloc(last - first + 1);
  for (let done = 0; done < bytes.length; ) {
    const offset = (first + done) % tile.length;
    done += tile.copy(bytes, done, offset, Math.min(tile.length, offset + bytes.length - done));
  }
  return bytes;
}

interface Virtual {
  size: number;
  tile?: Buffer;
  headers?: Record<string, string>;
  latencyMs?: number;
}

/** Answers like an ordinary server that has a file of `size` bytes, with conditions and ranges. */
function serveFile(request: IncomingMessage, response: ServerResponse, file: Virtual): void {
  const { size, tile = TILE, latencyMs = 0 } = file;
  const headers: Record<string, string | number> = {
    "Content-Type": "video/mp4",
    "Cache-Control": "max-age=600",
    ETag: '"1"',
    ...file.headers,
  };
  for (const name of Object.keys(headers)) if (headers[name] === "") delete headers[name];
  const answer = () => {
    if (request.headers["if-none-match"] !== undefined && request.headers["if-none-match"] === headers.ETag) {
      response.writeHead(304, headers).end();
      return;
    }
    const ifRange = request.headers["if-range"];
    const isHeld = ifRange === undefined || ifRange === headers.ETag || ifRange === headers["Last-Modified"];
    const match = isHeld ? /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "") : null;
    let [first, last] = [0, size - 1];
    if (match !== null) {
      first = match[1] === "" ? Math.max(0, size - Number(match[2])) : Number(match[1]);
      last = match[1] === "" || match[2] === "" ? size - 1 : Math.min(size - 1, Number(match[2]));
      if (first >= size) {
        response.writeHead(416, { "Content-Range": `bytes */${size}` }).end();
        return;
      }
      headers["Content-Range"] = `bytes ${first}-${last}/${size}`;
    }
    response.writeHead(match === null ? 200 : 206, { ...headers, "Content-Length": last - first + 1 });
    const blocks = function* () {
      for (let at = first; at <= last; at += 65_536) yield expectedBytes(at, Math.min(last, at + 65_535), tile);
    };
    pipeline(Readable.from(blocks()), response).catch(() => {});
  };
  if (latencyMs === 0) void answer();
  else setTimeout(answer, latencyMs);
}

const range = (first: number | "", last: number | "") => ({ headers: { Range: `bytes=${first}-${last}` } });

async function idle(bed: Testbed): Promise<void> {
  let [before, settled] = [-1, 0];
  await until(() => {
    settled = before === bed.edge.stats.originRequests + bed.slices.partCount ? settled + 1 : 0;
    before = bed.edge.stats.originRequests + bed.slices.partCount;
    return settled > 20;
  }, "quiet");
}

test("answerSliced() answers a seek into a cold file of 4 GiB after one round trip, with one request for one slice", async () => {
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size: 4 * GIB, latencyMs: 300 }));
  await using bed = await startTestbed({ origin: origin.port, edge: { maxObjectBytes: 1e12 } });
  const at = 3 * GIB + 12_345;
  const startMs = performance.now();
  const response = await openRequest(bed.port, "/v", range(at, at + 999));
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const elapsedMs = performance.now() - startMs;
  expect(elapsedMs).toBeGreaterThan(290);
  expect(elapsedMs).toBeLessThan(560);
  expect(response.statusCode).toBe(206);
  expect(response.headers["content-range"]).toBe(`bytes ${at}-${at + 999}/${4 * GIB}`);
  expect(response.headers["cache-status"]).toBe("NESON; fwd=miss; stored");
  expect(Buffer.concat(chunks).equals(expectedBytes(at, at + 999))).toBe(true);
  expect(origin.requests.map((seen) => seen.headers.range)).toEqual([`bytes=${3 * GIB}-${3 * GIB + MIB - 1}`]);
  await until(() => bed.slices.partCount === 1, "the slice");
  const again = await bed.get("/v", range(at + 5000, at + 5999));
  expect(again.headers["cache-status"]).toStartWith("NESON; hit; ttl=");
  expect(again.body.equals(expectedBytes(at + 5000, at + 5999))).toBe(true);
  expect(origin.requests.length).toBe(1);
});

test("answerSliced() sends bytes on as they come", async () => {
  const size = 100 * MIB;
  let held: ServerResponse | undefined;
  await using origin = await startOrigin((_q, s) => {
    held = s;
    s.writeHead(206, {
      ...{ ETag: '"1"', "Cache-Control": "max-age=60", "Content-Length": MIB },
      "Content-Range": `bytes 0-${MIB - 1}/${size}`,
    }).write(expectedBytes(0, 999));
  });
  await using bed = await startTestbed({ origin: origin.port });
  const response = await openRequest(bed.port, "/v", range(0, 4999));
  const iterator = response[Symbol.asyncIterator]();
  expect(Buffer.from((await iterator.next()).value).equals(expectedBytes(0, 999))).toBe(true);
  held?.end(expectedBytes(1000, MIB - 1));
  let rest = 0;
  for (let step = await iterator.next(); !step.done; step = await iterator.next()) rest += step.value.length;
  expect(rest).toBe(4000);
});

test("answerSliced() asks once for each slice, however many ask for ranges in it", async () => {
  const size = 200 * MIB;
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size, latencyMs: 30 }));
  await using bed = await startTestbed({ origin: origin.port });
  const replies = await Promise.all(
    Array.from({ length: 60 }, (_, i) => {
      const first = 10 * MIB + i * 100_000;
      return bed.get("/v", range(first, first + 299_999)).then((reply) => ({ reply, first }));
    }),
  );
  for (const { reply, first } of replies) {
    expect([reply.status, reply.cut]).toEqual([206, false]);
    expect(reply.body.equals(expectedBytes(first, first + 299_999))).toBe(true);
  }
  const asked = origin.requests.map((seen) => seen.headers.range);
  expect(new Set(asked).size).toBe(asked.length);
  // 10 MiB to 10 MiB + 6.2 MB touch slices 10 to 15.
  expect(asked.length).toBe(6);
});

test("answerSliced() gives the whole of a file that it knows in slices slice after slice, one ahead, and then it is an object", async () => {
  const size = 70 * MIB + 123;
  let [sending, mostSending] = [0, 0];
  await using origin = await startOrigin((q, s) => {
    mostSending = Math.max(mostSending, ++sending);
    s.once("close", () => {
      sending -= 1;
    });
    serveFile(q, s, { size });
  });
  await using bed = await startTestbed({ origin: origin.port });
  expect((await bed.get("/v", range(5 * MIB, 5 * MIB + 9))).status).toBe(206);
  const whole = await bed.get("/v");
  expect([whole.status, whole.body.length]).toEqual([200, size]);
  expect(whole.headers["cache-status"]).toBe("NESON; fwd=partial; stored");
  expect(whole.body.equals(expectedBytes(0, size - 1))).toBe(true);
  expect(origin.requests.length).toBe(71);
  expect(mostSending).toBeLessThanOrEqual(3);
  for (const { headers } of origin.requests.slice(1)) expect(headers["if-range"]).toBe('"1"');
  await until(() => bed.steering.placed.length === 1, "the object", 20_000);
  const [entry] = bed.steering.placed;
  expect(entry?.object.sha256).toBe(createHash("sha256").update(whole.body).digest("hex"));
  bed.steering.terminals = 1;
  expect((await bed.get("/v")).status).toBe(307);
  expect([origin.requests.length, bed.slices.partCount]).toEqual([71, 0]);
}, 30_000);

test("answerSliced() completes a file of up to 64 MiB in the background", async () => {
  const size = 5 * MIB + 7;
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size }));
  await using bed = await startTestbed({ origin: origin.port });
  const part = await bed.get("/v", range(2 * MIB, 2 * MIB + 9));
  expect(part.body.equals(expectedBytes(2 * MIB, 2 * MIB + 9))).toBe(true);
  await until(() => bed.steering.placed.length === 1, "the object");
  expect(bed.steering.placed[0]?.object.size).toBe(size);
  expect(origin.requests.length).toBe(6);
});

test("answerSliced() falls back to an ordinary flight where the origin knows no ranges, with one request for all", async () => {
  const body = testBytes(300_000);
  await using origin = await startOrigin((_q, s) => {
    setTimeout(() => s.writeHead(200, { "Cache-Control": "max-age=60", "Content-Length": body.length }).end(body), 30);
  });
  await using bed = await startTestbed({ origin: origin.port });
  const replies = await Promise.all(Array.from({ length: 10 }, () => bed.get("/v", range(100, 199))));
  for (const reply of replies) {
    expect([reply.status, reply.body.equals(body.subarray(100, 200))]).toEqual([206, true]);
  }
  expect(origin.requests.length).toBe(1);
  await until(() => bed.steering.placed.length === 1, "the object");
});

test("answerSliced() passes on what is no part: errors, redirects, ranges beyond the end", async () => {
  await using origin = await startOrigin((q, s) => {
    if (q.url === "/none") s.writeHead(404, { "Cache-Control": "max-age=60" }).end("no such thing");
    else if (q.url === "/down") s.writeHead(503).end("down");
    else if (q.url === "/moved") s.writeHead(302, { Location: "/v" }).end();
    else serveFile(q, s, { size: 5000 });
  });
  await using bed = await startTestbed({ origin: origin.port });
  for (const [target, status] of [
    ["/none", 404],
    ["/down", 503],
    ["/moved", 302],
  ] as const) {
    expect([target, (await bed.get(target, range(0, 9))).status]).toEqual([target, status]);
  }
  const beyond = await bed.get("/v", range(2 * MIB, ""));
  expect([beyond.status, beyond.headers["content-range"]]).toEqual([416, "bytes */5000"]);
  const near = await bed.get("/v", range(6000, ""));
  expect([near.status, near.headers["content-range"]]).toEqual([416, "bytes */5000"]);
});

test("answerSliced() never mixes two versions: who reads across the change is cut off, who comes later gets the new one", async () => {
  const [old, young] = [testBytes(65_521, 1), testBytes(65_521, 2)];
  const size = 80 * MIB;
  const file: Virtual = { size, tile: old };
  await using origin = await startOrigin((q, s) => serveFile(q, s, file));
  for (const change of [{ headers: { ETag: '"2"' } }, { headers: { ETag: '"2"' }, size: size + 5 }]) {
    Object.assign(file, { size, tile: old, headers: {} });
    await using bed = await startTestbed({ origin: origin.port });
    const first = await bed.get("/v", range(0, 9));
    expect(first.body.equals(expectedBytes(0, 9, old))).toBe(true);
    Object.assign(file, { tile: young, ...change });
    const across = await bed.get("/v", range(10, 3 * MIB));
    // Its first bytes were stored: the change shows only after they are out.
    expect([across.status, across.cut]).toEqual([206, true]);
    expect(across.body.equals(expectedBytes(10, 9 + across.body.length, old))).toBe(true);
    const after = await bed.get("/v", range(0, 2 * MIB));
    expect([after.status, after.cut, after.headers.etag]).toEqual([206, false, '"2"']);
    expect(after.body.equals(expectedBytes(0, 2 * MIB, young))).toBe(true);
  }
});

test("answerSliced() answers with the new version when the change shows before anything is out", async () => {
  const file: Virtual = { size: 80 * MIB };
  await using origin = await startOrigin((q, s) => serveFile(q, s, file));
  await using bed = await startTestbed({ origin: origin.port });
  await bed.get("/v", range(0, 9));
  const young = testBytes(65_521, 3);
  Object.assign(file, { tile: young, headers: { ETag: '"2"' } });
  const reply = await bed.get("/v", range(5 * MIB, 5 * MIB + 99));
  expect([reply.status, reply.headers.etag]).toEqual([206, '"2"']);
  expect(reply.body.equals(expectedBytes(5 * MIB, 5 * MIB + 99, young))).toBe(true);
});

test("answerSliced() cuts off rather than send a part without the same strong validator", async () => {
  for (const headers of [{ ETag: 'W/"1"' }, { ETag: "" }, { ETag: '"9"' }]) {
    let isFirst = true;
    await using origin = await startOrigin((q, s) => {
      // A server that ignores If-Range.
      q.headers["if-range"] = undefined;
      serveFile(q, s, { size: 80 * MIB, headers: isFirst ? {} : headers });
      isFirst = false;
    });
    await using bed = await startTestbed({ origin: origin.port });
    const reply = await bed.get("/v", range(0, 2 * MIB - 1));
    expect([headers.ETag, reply.cut, reply.body.length]).toEqual([headers.ETag, true, MIB]);
  }
});

test("answerSliced() confirms stale parts with the origin and goes on with them", async () => {
  const clock = new FakeClock();
  const file: Virtual = { size: 80 * MIB, headers: { "Cache-Control": "max-age=60" } };
  await using origin = await startOrigin((q, s) => {
    s.sendDate = false;
    serveFile(q, s, file);
  });
  await using bed = await startTestbed({ origin: origin.port, clock });
  await bed.get("/v", range(0, 9));
  await idle(bed);
  await clock.advance(100_000);
  const confirmed = await bed.get("/v", range(5, 9));
  expect([confirmed.status, confirmed.headers["cache-status"]]).toEqual([206, "NESON; fwd=miss; fwd-status=304"]);
  expect(origin.requests[1]?.headers["if-none-match"]).toBe('"1"');
  expect((await bed.get("/v", range(5, 9))).headers["cache-status"]).toBe("NESON; hit; ttl=60");
  await clock.advance(100_000);
  // What lacks is asked for on condition: its answer confirms the rest as well (RFC 9111 3.4).
  const more = await bed.get("/v", range(MIB + 5, MIB + 9));
  expect([more.status, origin.requests[2]?.headers["if-range"]]).toEqual([206, '"1"']);
  expect((await bed.get("/v", range(5, 9))).headers["cache-status"]).toStartWith("NESON; hit");
  await clock.advance(100_000);
  const young = testBytes(65_521, 4);
  Object.assign(file, { tile: young, headers: { ETag: '"2"' } });
  const changed = await bed.get("/v", range(5, 9));
  expect([changed.headers.etag, changed.body.equals(expectedBytes(5, 9, young))]).toEqual(['"2"', true]);
});

test("answerSliced() answers from stale parts while they are renewed, and for a failing origin, where the origin allows it", async () => {
  const clock = new FakeClock();
  const cacheControl = "max-age=60, stale-while-revalidate=60, stale-if-error=600";
  let isDown = false;
  await using origin = await startOrigin((q, s) => {
    s.sendDate = false;
    if (isDown) s.writeHead(503).end("down");
    else serveFile(q, s, { size: 80 * MIB, headers: { "Cache-Control": cacheControl } });
  });
  await using bed = await startTestbed({ origin: origin.port, clock });
  await bed.get("/v", range(0, 9));
  await until(() => bed.slices.partCount === 1, "the slice");
  await clock.advance(90_000);
  const stale = await bed.get("/v", range(5, 9));
  expect([stale.status, stale.headers["cache-status"]]).toEqual([206, "NESON; hit; ttl=-30"]);
  await until(() => origin.requests.length === 2, "the renewal");
  expect(origin.requests[1]?.headers["if-none-match"]).toBe('"1"');
  await idle(bed);
  expect((await bed.get("/v", range(5, 9))).headers["cache-status"]).toBe("NESON; hit; ttl=60");
  await clock.advance(300_000);
  isDown = true;
  const covered = await bed.get("/v", range(5, 9));
  expect([covered.status, covered.headers["cache-status"]]).toEqual([
    206,
    'NESON; hit; ttl=-240; detail="stale-if-error"',
  ]);
  expect(covered.body.equals(expectedBytes(5, 9))).toBe(true);
});

test("answerSliced() keeps Vary apart", async () => {
  await using origin = await startOrigin((q, s) => {
    const language = q.headers["accept-language"] ?? "";
    serveFile(q, s, {
      size: 80 * MIB,
      tile: language === "de" ? TILE : testBytes(65_521, 9),
      headers: { Vary: "Accept-Language", ETag: `"${language}"` },
    });
  });
  await using bed = await startTestbed({ origin: origin.port });
  const ask = (language: string) => bed.get("/v", { headers: { Range: "bytes=0-99", "Accept-Language": language } });
  const replies = await Promise.all(["de", "fr", "de", "fr"].map(ask));
  expect(replies.map((reply) => reply.headers.etag)).toEqual(['"de"', '"fr"', '"de"', '"fr"']);
  expect(replies[0]?.body.equals(expectedBytes(0, 99))).toBe(true);
  expect(replies[1]?.body.equals(expectedBytes(0, 99))).toBe(false);
  await until(() => bed.slices.partCount === 2, "both");
  expect((await ask("de")).headers["cache-status"]).toStartWith("NESON; hit");
});

test("answerSliced() keeps nothing that must not be kept, and passes each range on as it is", async () => {
  const unkept: Record<string, string>[] = [
    { "Cache-Control": "private" },
    { "Cache-Control": "no-store" },
    { "Set-Cookie": "a=1" },
    { Vary: "*" },
  ];
  for (const headers of unkept) {
    await using origin = await startOrigin((q, s) => serveFile(q, s, { size: 80 * MIB, headers }));
    await using bed = await startTestbed({ origin: origin.port });
    for (let i = 0; i < 3; i++) {
      const reply = await bed.get("/v", range(5, 9));
      expect([reply.status, reply.body.equals(expectedBytes(5, 9))]).toEqual([206, true]);
    }
    expect(bed.slices.partCount).toBe(0);
    expect(origin.requests.map((seen) => seen.headers.range)).toEqual([
      "bytes=0-1048575",
      ...Array(3).fill("bytes=5-9"),
    ]);
  }
});

test("answerSliced() answers conditions and If-Range from parts", async () => {
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size: 80 * MIB }));
  await using bed = await startTestbed({ origin: origin.port });
  await bed.get("/v", range(0, 9));
  const ask = (headers: Record<string, string>) => bed.get("/v", { headers });
  expect((await ask({ "If-None-Match": '"1"' })).status).toBe(304);
  expect((await ask({ "If-None-Match": '"1"', Range: "bytes=0-4" })).status).toBe(304);
  expect((await ask({ "If-Match": '"2"', Range: "bytes=0-4" })).status).toBe(412);
  expect((await ask({ "If-Range": '"1"', Range: "bytes=0-4" })).body.length).toBe(5);
  expect(origin.requests.length).toBe(1);
  const whole = await openRequest(bed.port, "/v", { headers: { "If-Range": '"2"', Range: "bytes=0-4" } });
  expect([whole.statusCode, whole.headers["content-length"]]).toEqual([200, String(80 * MIB)]);
  whole.destroy();
  const many = await ask({ Range: "bytes=0-4,2000000-2000009" });
  expect([many.status, many.headers["content-type"]?.startsWith("multipart/byteranges")]).toEqual([206, true]);
  expect(many.body.includes(expectedBytes(2_000_000, 2_000_009))).toBe(true);
});

test("answerSliced() answers only-if-cached from parts that hold all that is asked, else 504", async () => {
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size: 80 * MIB }));
  await using bed = await startTestbed({ origin: origin.port });
  await bed.get("/v", range(0, 9));
  await idle(bed);
  const ask = (value: string) => bed.get("/v", { headers: { Range: value, "Cache-Control": "only-if-cached" } });
  expect([(await ask("bytes=100-199")).status, (await ask("bytes=2000000-2000001")).status]).toEqual([206, 504]);
  expect(origin.requests.length).toBe(1);
});

test("answerSliced() forgets parts with what is invalidated or removed, also those still coming", async () => {
  const file: Virtual = { size: 80 * MIB };
  const held: (() => void)[] = [];
  await using origin = await startOrigin((q, s) => {
    if (q.method === "POST") s.writeHead(204).end();
    else if (q.url === "/held") held.push(() => serveFile(q, s, file));
    else serveFile(q, s, file);
  });
  await using bed = await startTestbed({ origin: origin.port });
  await bed.get("/v", range(0, 9));
  await bed.get("/w", range(0, 9));
  await until(() => bed.slices.partCount === 2, "both slices");
  await bed.get("/v", { method: "POST", body: "x" });
  expect(bed.slices.partCount).toBe(1);
  await bed.catalog.removeSite("test-site");
  expect([bed.slices.partCount, bed.slices.storedBytes]).toEqual([0, 0]);
  // An opening under way, then a slice under way.
  const opening = bed.get("/held", range(0, 9));
  await until(() => held.length === 1, "the opening");
  await bed.catalog.remove("test-site", "/held");
  held[0]?.();
  expect((await opening).status).toBe(206);
  expect(bed.slices.partCount).toBe(0);
  const second = bed.get("/held", range(0, 9));
  await until(() => held.length === 2, "another opening");
  held[1]?.();
  await second;
  const third = bed.get("/held", range(MIB, MIB + 9));
  await until(() => held.length === 3, "a slice");
  await bed.catalog.remove("test-site", "/held");
  held[2]?.();
  expect((await third).body.equals(expectedBytes(MIB, MIB + 9))).toBe(true);
  expect(bed.slices.partCount).toBe(0);
  await bed.slices[Symbol.asyncDispose]();
  expect((await readdir(join(bed.directory, "slices"))).filter((name) => name !== "aside")).toEqual([]);
});

test("answerSliced() goes on for others, and to the end of its slice, when a client leaves", async () => {
  let held: ServerResponse | undefined;
  await using origin = await startOrigin((_q, s) => {
    held = s;
    s.writeHead(206, {
      ...{ ETag: '"1"', "Cache-Control": "max-age=60", "Content-Length": MIB },
      "Content-Range": `bytes 0-${MIB - 1}/${100 * MIB}`,
    }).write(expectedBytes(0, 999));
  });
  await using bed = await startTestbed({ origin: origin.port });
  const leaving = await openRequest(bed.port, "/v", range(0, 99_999));
  const staying = bed.get("/v", range(500, 99_999));
  await until(() => bed.edge.stats.requests === 2, "both");
  leaving.destroy();
  held?.end(expectedBytes(1000, MIB - 1));
  expect((await staying).body.equals(expectedBytes(500, 99_999))).toBe(true);
  await until(() => bed.slices.partCount === 1, "the slice");
  await idle(bed);
  expect(origin.requests.length).toBe(1);
});

test("answerSliced() goes on where a transfer broke off, on condition that nothing changed", async () => {
  let breaks = 1;
  await using origin = await startOrigin((q, s) => {
    if (breaks-- <= 0) return serveFile(q, s, { size: 80 * MIB });
    s.writeHead(206, {
      ...{ ETag: '"1"', "Cache-Control": "max-age=60", "Content-Length": MIB },
      "Content-Range": `bytes 0-${MIB - 1}/${80 * MIB}`,
    });
    s.write(expectedBytes(0, 99_999), () => s.socket?.end());
  });
  await using bed = await startTestbed({ origin: origin.port });
  const reply = await bed.get("/v", range(0, 299_999));
  expect([reply.cut, reply.body.equals(expectedBytes(0, 299_999))]).toEqual([false, true]);
  expect(origin.requests.map((seen) => [seen.headers.range, seen.headers["if-range"]])).toEqual([
    ["bytes=0-1048575", undefined],
    ["bytes=100000-1048575", '"1"'],
  ]);
});

test("answerSliced() answers from parts after a restart, and fetches again what the disk altered", async () => {
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size: 80 * MIB }));
  await using first = await startTestbed({ origin: origin.port });
  await first.get("/v", range(0, 2 * MIB - 1));
  const { directory } = first;
  await first.slices[Symbol.asyncDispose]();
  {
    await using bed = await startTestbed({ origin: origin.port, directory });
    const reply = await bed.get("/v", range(MIB - 5, MIB + 4));
    expect([reply.headers["cache-status"]?.slice(0, 10), origin.requests.length]).toEqual(["NESON; hit", 2]);
    expect(reply.body.equals(expectedBytes(MIB - 5, MIB + 4))).toBe(true);
    const [id] = (await readdir(join(directory, "slices"))).filter((name) => name !== "aside");
    for (const name of await readdir(join(directory, "slices", id ?? ""))) {
      if (name.startsWith("0-")) await writeFile(join(directory, "slices", id ?? "", name), testBytes(MIB, 5));
    }
    const repaired = await bed.get("/v", range(0, MIB + 4));
    expect(repaired.body.equals(expectedBytes(0, MIB + 4))).toBe(true);
    expect(origin.requests.length).toBe(3);
  }
});

test("answerSliced() goes on without a disk", async () => {
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size: 80 * MIB }));
  await using bed = await startTestbed({ origin: origin.port, sliceBytes: 0 });
  const reply = await bed.get("/v", range(5, 3 * MIB));
  expect([reply.cut, reply.body.equals(expectedBytes(5, 3 * MIB))]).toEqual([false, true]);
  expect(bed.slices.partCount).toBe(0);
});

test("answerSliced() keeps to its share of the disk, the least recently used go first", async () => {
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size: 80 * MIB }));
  await using bed = await startTestbed({ origin: origin.port, sliceBytes: 3 * MIB });
  for (const slice of [0, 1, 2, 0, 3]) {
    await bed.get("/v", range(slice * MIB, slice * MIB + 9));
    await idle(bed);
  }
  expect(bed.slices.storedBytes).toBe(3 * MIB);
  const asked = origin.requests.length;
  expect((await bed.get("/v", range(0, 9))).headers["cache-status"]).toStartWith("NESON; hit");
  expect((await bed.get("/v", range(MIB, MIB + 9))).headers["cache-status"]).toBe("NESON; fwd=partial; stored");
  expect(origin.requests.length).toBe(asked + 1);
  const whole = await bed.get("/v", range(0, 20 * MIB - 1));
  expect(whole.body.equals(expectedBytes(0, 20 * MIB - 1))).toBe(true);
  expect(bed.slices.storedBytes).toBe(3 * MIB);
});

/** An origin whose answers are written down beforehand, one for each request. */
function scripted(...answers: [number, Record<string, string>, string][]) {
  const left = [...answers];
  return (_request: IncomingMessage, response: ServerResponse) => {
    const [status, headers, body] = left.shift() ?? [999, {}, ""];
    response.writeHead(status, headers).end(body);
  };
}

test("answerSliced() stores a small part and answers from it, by the first byte it was said to have", async () => {
  // Six bytes are announced and five come.
  const part: [number, Record<string, string>, string] = [
    206,
    { "Cache-Control": "max-age=3600", "Content-Range": "bytes 4-9/10", "Content-Length": "5" },
    "01234",
  ];
  for (const [value, text] of [
    ["bytes=-5", "01234"],
    ["bytes=6-8", "234"],
    ["bytes=6-", "234"],
    ["bytes=-1", "4"],
  ] as const) {
    await using origin = await startOrigin(scripted(part));
    await using bed = await startTestbed({ origin: origin.port });
    const first = await bed.get("/p", { headers: { Range: "bytes=-5" } });
    expect([first.status, first.body.toString(), first.headers["content-range"]]).toEqual([
      206,
      "01234",
      "bytes 4-9/10",
    ]);
    expect(origin.requests[0]?.headers.range).toBe("bytes=-5");
    const second = await bed.get("/p", { headers: { Range: value } });
    expect([second.status, second.body.toString()]).toEqual([206, text]);
    expect(second.headers["cache-status"]).toStartWith("NESON; hit");
    expect(origin.requests.length).toBe(1);
  }
});

test("answerSliced() asks for what lacks when the whole is wanted, and combines only what has the same strong validator", async () => {
  const cached = { "Cache-Control": "max-age=3600" };
  const head: [number, Record<string, string>, string] = [206, { ...cached, "Content-Range": "bytes 0-4/10" }, "01234"];
  const marked = (tag: string, [status, fields, body]: typeof head): typeof head => [
    status,
    { ...fields, ETag: tag },
    body,
  ];
  const tail: typeof head = [206, { ...cached, "Content-Range": "bytes 5-9/10" }, "56789"];
  const whole: typeof head = [200, cached, "abcdefghij"];
  const cases: [string, (typeof head)[], string, (string | undefined)[]][] = [
    ["no validator, whole", [head, whole], "abcdefghij", ["bytes=-5", "bytes=5-"]],
    ["no validator, part", [head, tail, whole], "abcdefghij", ["bytes=-5", "bytes=5-", undefined]],
    ["the same validator", [marked('"a"', head), marked('"a"', tail)], "0123456789", ["bytes=-5", "bytes=5-"]],
    [
      "another validator",
      [marked('"a"', head), marked('"b"', tail), whole],
      "abcdefghij",
      ["bytes=-5", "bytes=5-", undefined],
    ],
    [
      "a weak validator",
      [marked('W/"a"', head), marked('W/"a"', tail), whole],
      "abcdefghij",
      ["bytes=-5", "bytes=5-", undefined],
    ],
  ];
  for (const [name, answers, text, asked] of cases) {
    await using origin = await startOrigin(scripted(...answers));
    await using bed = await startTestbed({ origin: origin.port });
    const first = await bed.get("/p", { headers: { Range: "bytes=-5" } });
    expect([name, first.status, first.body.toString(), first.headers["content-range"]]).toEqual([
      name,
      206,
      "01234",
      "bytes 0-4/10",
    ]);
    const second = await bed.get("/p");
    expect([name, second.status, second.cut, second.body.toString()]).toEqual([name, 200, false, text]);
    expect([name, origin.requests.map((seen) => seen.headers.range)]).toEqual([name, asked]);
  }
});

test("answerSliced() makes a small file whose one slice is all of it an ordinary object", async () => {
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size: 5000 }));
  await using bed = await startTestbed({ origin: origin.port });
  expect((await bed.get("/v", range(10, 19))).headers["content-range"]).toBe("bytes 10-19/5000");
  await until(() => bed.steering.placed.length === 1, "the object");
  expect((await bed.get("/v")).body.equals(expectedBytes(0, 4999))).toBe(true);
  expect([origin.requests.length, bed.slices.partCount]).toEqual([1, 0]);
});

test("answerSliced() completes a whole answer that broke off, where the origin knows ranges and the version is the same", async () => {
  const size = 3 * MIB + 5;
  for (const [accepts, tag, asked] of [
    ["bytes", '"1"', [undefined, "bytes=1500000-2097151", "bytes=2097152-3145727", "bytes=3145728-"]],
    ["none", '"1"', [undefined, undefined]],
    ["bytes", 'W/"1"', [undefined, undefined]],
  ] as const) {
    let isFirst = true;
    await using origin = await startOrigin((q, s) => {
      const headers = { ETag: tag, "Accept-Ranges": accepts };
      if (!isFirst) return serveFile(q, s, { size, headers });
      isFirst = false;
      s.writeHead(200, { ...headers, "Cache-Control": "max-age=60", "Content-Length": size });
      s.write(expectedBytes(0, 1_499_999), () => s.socket?.end());
    });
    await using bed = await startTestbed({ origin: origin.port });
    const broken = await bed.get("/v");
    expect([broken.cut, broken.body.equals(expectedBytes(0, 1_499_999))]).toEqual([true, true]);
    const whole = await bed.get("/v");
    expect([whole.cut, whole.status, whole.body.equals(expectedBytes(0, size - 1))]).toEqual([false, 200, true]);
    expect(origin.requests.map((seen) => seen.headers.range)).toEqual([...asked]);
    await until(() => bed.steering.placed.length === 1, "the object");
  }
});

test("answerSliced() answers several ranges of a cold file without waiting for all of it", async () => {
  const size = 100 * MIB;
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size }));
  await using bed = await startTestbed({ origin: origin.port });
  const reply = await bed.get("/v", { headers: { Range: `bytes=${50 * MIB}-${50 * MIB + 9}, 5-9, -7` } });
  expect([reply.status, reply.headers["content-type"]?.startsWith("multipart/byteranges")]).toEqual([206, true]);
  for (const bytes of [expectedBytes(50 * MIB, 50 * MIB + 9), expectedBytes(5, 9), expectedBytes(size - 7, size - 1)]) {
    expect(reply.body.includes(bytes)).toBe(true);
  }
  expect(origin.requests.length).toBeLessThan(6);
});

test("answerSliced() gives a failing origin's answer on, and goes on by itself when a slice failed once", async () => {
  let failures = 0;
  await using origin = await startOrigin((q, s) => {
    if (failures-- > 0) s.writeHead(503, { "Retry-After": "7" }).end("busy");
    else serveFile(q, s, { size: 100 * MIB });
  });
  await using bed = await startTestbed({ origin: origin.port });
  await bed.get("/v", range(0, MIB - 1));
  failures = 1;
  const across = await bed.get("/v", range(5, MIB + 9));
  expect([across.cut, across.body.equals(expectedBytes(5, MIB + 9))]).toEqual([false, true]);
  failures = 5;
  const refused = await bed.get("/v", range(9 * MIB, 9 * MIB + 9));
  expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "7"]);
  failures = 0;
  expect((await bed.get("/v", range(5, 9))).headers["cache-status"]).toStartWith("NESON; hit");
});

test("answerSliced() keeps ranges with credentials apart, and lets none go round in circles", async () => {
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size: 100 * MIB }));
  await using bed = await startTestbed({ origin: origin.port });
  for (const headers of [{ Authorization: "Basic x" }, { Via: "1.1 neson" }] as Record<string, string>[]) {
    const reply = await bed.get("/v", { headers: { Range: "bytes=5-9", ...headers } });
    expect([reply.status, reply.body.equals(expectedBytes(5, 9))]).toEqual([206, true]);
  }
  expect([bed.slices.partCount, origin.requests[0]?.headers.range]).toEqual([0, "bytes=5-9"]);
});

test("answerSliced() answers a suffix of a large file, of any length", async () => {
  const size = 100 * MIB + 17;
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size }));
  for (const length of [1, 1000, MIB, 5 * MIB]) {
    await using bed = await startTestbed({ origin: origin.port });
    for (let i = 0; i < 2; i++) {
      const reply = await bed.get("/v", range("", length));
      expect([reply.status, reply.body.equals(expectedBytes(size - length, size - 1))]).toEqual([206, true]);
    }
  }
});

test("answerSliced() gets parts of a file that a pull under way will reach much later, and reads along where it is near", async () => {
  const size = 100 * MIB;
  const pulls: ServerResponse[] = [];
  await using origin = await startOrigin((q, s) => {
    if (q.headers.range !== undefined) return serveFile(q, s, { size });
    pulls.push(s);
    s.writeHead(200, { ETag: '"1"', "Cache-Control": "max-age=600", "Content-Length": size }).write(
      expectedBytes(0, 999),
    );
  });
  await using bed = await startTestbed({ origin: origin.port });
  const whole = await openRequest(bed.port, "/v");
  const far = await bed.get("/v", range(90 * MIB, 90 * MIB + 9));
  expect([far.status, far.body.equals(expectedBytes(90 * MIB, 90 * MIB + 9))]).toEqual([206, true]);
  const near = bed.get("/v", range(2000, 2009));
  await until(() => bed.edge.stats.requests === 3, "the third request");
  pulls[0]?.write(expectedBytes(1000, 99_999));
  expect((await near).body.equals(expectedBytes(2000, 2009))).toBe(true);
  expect(origin.requests.map((seen) => seen.headers.range)).toEqual([undefined, "bytes=94371840-95420415"]);
  whole.destroy();
});

test("answerSliced() needs bounded memory for hundreds of seeks at once into 4 GiB", async () => {
  await using origin = await startOrigin((q, s) => serveFile(q, s, { size: 4 * GIB }));
  await using bed = await startTestbed({ origin: origin.port, sliceBytes: 64 * MIB, edge: { maxObjectBytes: 1e12 } });
  const seek = async (i: number) => {
    const first = (i * 2_654_435_761) % (4 * GIB - 70_000);
    const reply = await bed.get("/v", range(first, first + 65_535));
    expect(reply.body.equals(expectedBytes(first, first + 65_535))).toBe(true);
  };
  await Promise.all(Array.from({ length: 100 }, (_, i) => seek(i)));
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  for (let round = 1; round <= 4; round++)
    await Promise.all(Array.from({ length: 100 }, (_, i) => seek(round * 100 + i)));
  Bun.gc(true);
  expect((process.memoryUsage.rss() - before) / MIB).toBeLessThan(150);
  expect(bed.slices.storedBytes).toBeLessThanOrEqual(64 * MIB);
}, 60_000);

test("answerSliced() gives for any ranges over a changing origin the bytes of exactly one version, or breaks off", async () => {
  const size = 3 * SLICE_BYTES + 777;
  const tiles = [11, 12, 13].map((seed) => testBytes(65_521, seed));
  const step = fc.record({
    version: fc.nat(2),
    kind: fc.constantFrom("range", "suffix", "from", "whole"),
    first: fc.nat(size - 1),
    length: fc.integer({ min: 1, max: 2 * SLICE_BYTES }),
    behaviour: fc.constantFrom("good", "good", "good", "no-ranges", "ignores-if-range", "cut"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 8 }), async (steps) => {
      let now = steps[0] as (typeof steps)[number];
      await using origin = await startOrigin((q, s) => {
        if (now.behaviour === "no-ranges") q.headers.range = undefined;
        if (now.behaviour === "ignores-if-range") q.headers["if-range"] = undefined;
        const file = {
          size: size + now.version,
          tile: tiles[now.version] as Buffer,
          headers: { ETag: `"${now.version}"` },
        };
        if (now.behaviour === "cut") setTimeout(() => s.socket?.destroy(), 3);
        serveFile(q, s, { ...file, latencyMs: now.behaviour === "cut" ? 1 : 0 });
      });
      await using bed = await startTestbed({ origin: origin.port });
      const judge = (reply: Awaited<ReturnType<Testbed["get"]>>) => {
        if (reply.status !== 200 && reply.status !== 206) {
          expect([416, 502, 504, 0]).toContain(reply.status);
          return;
        }
        const version = Number(reply.headers.etag?.slice(1, -1));
        const contentRange = /bytes (\d+)-(\d+)\/(\d+)/.exec(reply.headers["content-range"] ?? "");
        if (reply.status === 206) expect(Number(contentRange?.[3])).toBe(size + version);
        const from = reply.status === 206 ? Number(contentRange?.[1]) : 0;
        if (reply.body.length > 0) {
          const right = expectedBytes(from, from + reply.body.length - 1, tiles[version]);
          expect(reply.body.equals(right)).toBe(true);
        }
        if (!reply.cut) expect(reply.body.length).toBe(Number(reply.headers["content-length"]));
      };
      for (now of steps) {
        const { first, length, kind } = now;
        const values = [
          { range: `bytes=${first}-${first + length - 1}`, suffix: `bytes=-${length}`, from: `bytes=${first}-` },
          { range: `bytes=${length}-${length + first}`, suffix: `bytes=-${first + 1}`, from: `bytes=${length}-` },
        ];
        const asks = values.map((value) => (kind === "whole" ? {} : { headers: { Range: value[kind] } }));
        for (const reply of await Promise.all(asks.map((ask) => bed.get("/v", ask)))) judge(reply);
      }
    }),
    { numRuns: 25 },
  );
}, 60_000);
