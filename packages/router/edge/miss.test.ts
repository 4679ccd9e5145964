import { expect, test } from "bun:test";
import type { ServerResponse } from "node:http";
import { openRequest, startOrigin, startTestbed, testBytes, until } from "./testbed.ts";

const BODY = testBytes(200_000);
const CACHED = { "Content-Type": "video/mp4", "Cache-Control": "max-age=600", ETag: '"1"' };

/** Answers whose moments the test decides. */
function held() {
  const responses: ServerResponse[] = [];
  return { responses, answer: (_: unknown, response: ServerResponse) => void responses.push(response) };
}

test("miss() makes one origin request for ten at once that came before the origin's headers", async () => {
  const { responses, answer } = held();
  await using origin = await startOrigin(answer);
  await using bed = await startTestbed({ origin: origin.port });
  const replies = Array.from({ length: 10 }, () => bed.get("/v"));
  await until(() => bed.edge.stats.requests === 10 && responses.length === 1, "ten requests");
  responses[0]?.writeHead(200, { ...CACHED, "Content-Length": BODY.length }).end(BODY);
  for (const reply of await Promise.all(replies)) expect([reply.status, reply.body.equals(BODY)]).toEqual([200, true]);
  expect(origin.requests.length).toBe(1);
  expect(bed.edge.stats).toMatchObject({ originRequests: 1, collapsed: 9, misses: 10 });
});

test("miss() lets requests that come in mid-flight read along from the first byte", async () => {
  const { responses, answer } = held();
  await using origin = await startOrigin(answer);
  await using bed = await startTestbed({ origin: origin.port });
  const first = bed.get("/v");
  await until(() => responses.length === 1, "the origin request");
  responses[0]?.writeHead(200, { ...CACHED, "Content-Length": BODY.length }).write(BODY.subarray(0, 100_000));
  const second = await openRequest(bed.port, "/v");
  expect(second.headers["cache-status"]).toBe("NESON; fwd=miss; stored; collapsed");
  responses[0]?.end(BODY.subarray(100_000));
  let length = 0;
  for await (const chunk of second) length += chunk.length;
  expect([length, (await first).body.equals(BODY), origin.requests.length]).toEqual([BODY.length, true, 1]);
});

test("miss() streams: the client has the first bytes while the origin still sends", async () => {
  for (const framing of [{ "Content-Length": BODY.length }, {}]) {
    const { responses, answer } = held();
    await using origin = await startOrigin(answer);
    await using bed = await startTestbed({ origin: origin.port });
    const opening = openRequest(bed.port, "/v");
    await until(() => responses.length === 1, "the origin request");
    responses[0]?.writeHead(200, { ...CACHED, ...framing }).write(BODY.subarray(0, 1000));
    const response = await opening;
    const iterator = response[Symbol.asyncIterator]();
    const first = await iterator.next();
    expect(Buffer.from(first.value).equals(BODY.subarray(0, 1000))).toBe(true);
    responses[0]?.end(BODY.subarray(1000));
    let rest = 0;
    for (let step = await iterator.next(); !step.done; step = await iterator.next()) rest += step.value.length;
    expect(rest).toBe(BODY.length - 1000);
  }
});

test("miss() has committed and told the steering before the client has the whole first answer", async () => {
  for (const framing of [{ "Content-Length": BODY.length }, {}]) {
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(200, { ...CACHED, ...framing });
      response.end(BODY);
    });
    await using bed = await startTestbed({ origin: origin.port });
    bed.steering.terminals = 3;
    for (let i = 0; i < 20; i++) {
      expect((await bed.get(`/v${i}`)).status).toBe(200);
      expect(bed.steering.placed.length).toBe(i + 1);
      expect((await bed.get(`/v${i}`)).status).toBe(307);
    }
  }
});

test("miss() goes on when the leader and everyone else left", async () => {
  const { responses, answer } = held();
  await using origin = await startOrigin(answer);
  await using bed = await startTestbed({ origin: origin.port });
  const opening = openRequest(bed.port, "/v");
  await until(() => responses.length === 1, "the origin request");
  responses[0]?.writeHead(200, { ...CACHED, "Content-Length": BODY.length }).write(BODY.subarray(0, 1000));
  const response = await opening;
  const second = bed.get("/v");
  response.destroy();
  responses[0]?.end(BODY.subarray(1000));
  expect((await second).body.equals(BODY)).toBe(true);
  await until(() => bed.steering.placed.length === 1, "the commit");
  expect((await bed.get("/v")).headers["cache-status"]).toStartWith("NESON; hit");
  expect(origin.requests.length).toBe(1);
});

test("miss() goes on when the leader left before the headers", async () => {
  const { responses, answer } = held();
  await using origin = await startOrigin(answer);
  await using bed = await startTestbed({ origin: origin.port });
  const controller = new AbortController();
  const gone = fetch(`http://127.0.0.1:${bed.port}/v`, {
    signal: controller.signal,
    headers: { Host: "site.test" },
  }).catch(() => "gone");
  await until(() => responses.length === 1, "the origin request");
  controller.abort();
  await gone;
  responses[0]?.writeHead(200, CACHED).end(BODY);
  await until(() => bed.steering.placed.length === 1, "the commit");
  expect((await bed.get("/v")).body.equals(BODY)).toBe(true);
  expect(origin.requests.length).toBe(1);
});

test("miss() never stores a body that came short, and cuts its readers off", async () => {
  const endings: [string, Record<string, string>, (response: ServerResponse) => void][] = [
    ["short of its length", { "Content-Length": "200000" }, (response) => response.socket?.end()],
    ["chunked without end", {}, (response) => response.socket?.end()],
    ["reset", { "Content-Length": "200000" }, (response) => response.socket?.resetAndDestroy()],
  ];
  for (const [name, framing, finish] of endings) {
    const { responses, answer } = held();
    await using origin = await startOrigin(answer);
    await using bed = await startTestbed({ origin: origin.port });
    const replies = [bed.get("/v"), bed.get("/v")];
    await until(() => responses.length === 1, "the origin request");
    responses[0]?.writeHead(200, { ...CACHED, ...framing }).write(BODY.subarray(0, 100_000), () => {
      finish(responses[0] as ServerResponse);
    });
    const cuts = (await Promise.all(replies)).map((reply) => reply.cut);
    expect([name, cuts]).toEqual([name, [true, true]]);
    expect(await bed.catalog.stored()).toEqual({ entries: 0, objects: 0, shieldObjects: 0, shieldBytes: 0 });
    origin.answer = (_request, response) => void response.writeHead(200, CACHED).end(BODY);
    expect((await bed.get("/v")).body.equals(BODY)).toBe(true);
  }
});

test("miss() gives an answer that must not be stored to each client from its own request", async () => {
  for (const cacheControl of ["no-store", "private, max-age=60"]) {
    let count = 0;
    await using origin = await startOrigin((_request, response) => {
      const mine = ++count;
      response.writeHead(200, { "Cache-Control": cacheControl, "Set-Cookie": `id=${mine}` });
      setTimeout(() => response.end(`secret ${mine}`), 20);
    });
    await using bed = await startTestbed({ origin: origin.port });
    const replies = await Promise.all(Array.from({ length: 5 }, () => bed.get("/account")));
    expect(new Set(replies.map((reply) => reply.body.toString())).size).toBe(5);
    for (const reply of replies) {
      expect(reply.headers["set-cookie"]).toEqual([`id=${reply.body.toString().slice(7)}`]);
      expect(reply.headers["cache-status"]).toBe("NESON; fwd=miss");
    }
    expect((await bed.catalog.stored()).entries).toBe(0);
  }
});

test("miss() shares nothing that carries a cookie, and keeps none", async () => {
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, { ...CACHED, "Set-Cookie": "id=1" });
    response.end("x");
  });
  await using bed = await startTestbed({ origin: origin.port });
  await Promise.all([bed.get("/v"), bed.get("/v")]);
  expect([origin.requests.length, (await bed.catalog.stored()).entries]).toEqual([2, 0]);
});

test("miss() keeps variants apart and shares flights only within one", async () => {
  await using origin = await startOrigin((request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=60", Vary: "Accept-Language, Accept-Encoding" });
    setTimeout(() => response.end(`in ${request.headers["accept-language"]}`), 20);
  });
  await using bed = await startTestbed({ origin: origin.port });
  const ask = async (language: string, encoding: string) => {
    const headers = { "Accept-Language": language, "Accept-Encoding": encoding };
    return (await bed.get("/page", { headers })).body.toString();
  };
  const languages = ["de", "fr", "de", "fr", "es"];
  const bodies = await Promise.all(languages.map((language, i) => ask(language, i % 2 === 0 ? "gzip" : "br")));
  expect(bodies).toEqual(languages.map((language) => `in ${language}`));
  expect(origin.requests.length).toBe(3);
  expect(origin.requests.map((seen) => seen.headers["accept-encoding"])).toEqual(Array(3).fill("identity"));
  expect(await Promise.all([ask("de", "zstd"), ask("es", "gzip")])).toEqual(["in de", "in es"]);
  expect(origin.requests.length).toBe(3);
});

test("miss() asks the origin unconditionally, whatever the client asked, and for the whole but for a first slice", async () => {
  await using origin = await startOrigin((_request, response) => {
    const hop = { Connection: "x-hop", "X-Hop": "1", "Keep-Alive": "timeout=9", Age: "7", "X-End": "2" };
    response.writeHead(200, { ...CACHED, ...hop, "Content-Length": BODY.length });
    response.end(BODY);
  });
  await using bed = await startTestbed({ origin: origin.port });
  const ranged = await bed.get("/a", {
    headers: { Range: "bytes=5-9", "If-Range": '"1"', Connection: "x-private", "X-Private": "1", "X-Kept": "2" },
  });
  expect([ranged.status, ranged.body.equals(BODY.subarray(5, 10))]).toEqual([206, true]);
  expect(ranged.headers["content-range"]).toBe("bytes 5-9/200000");
  expect([ranged.headers["x-hop"], ranged.headers["x-end"], ranged.headers.age]).toEqual([undefined, "2", "7"]);
  const conditional = await bed.get("/b", { headers: { "If-None-Match": '"1"', "If-Modified-Since": "x" } });
  expect([conditional.status, conditional.body.length]).toEqual([304, 0]);
  expect(origin.requests.map(({ headers }) => headers.range)).toEqual(["bytes=0-1048575", undefined]);
  for (const { headers } of origin.requests) {
    for (const name of ["if-range", "if-none-match", "if-modified-since", "x-private"]) {
      expect([name, headers[name]]).toEqual([name, undefined]);
    }
    expect(headers).toMatchObject({
      host: `127.0.0.1:${origin.port}`,
      via: "1.1 neson",
      "x-forwarded-host": "site.test",
    });
    expect(headers["x-forwarded-for"]).toBe("127.0.0.1");
  }
  expect(origin.requests[0]?.headers["x-kept"]).toBe("2");
  await until(() => bed.steering.placed.length === 2, "both commits");
});

test("miss() passes through what is too large to store", async () => {
  await using origin = await startOrigin((request, response) => {
    const framing = request.url === "/known" ? { "Content-Length": BODY.length } : {};
    response.writeHead(200, { ...CACHED, ...framing });
    response.end(BODY);
  });
  await using bed = await startTestbed({ origin: origin.port, edge: { maxObjectBytes: 100_000 } });
  const known = await bed.get("/known");
  expect([known.cut, known.body.equals(BODY)]).toEqual([false, true]);
  // Nobody could know before it was too late; the next attempt gets through.
  const unknown = await bed.get("/unknown");
  expect(unknown.cut || unknown.status >= 500).toBe(true);
  expect((await bed.get("/unknown")).body.equals(BODY)).toBe(true);
  expect(await bed.catalog.stored()).toMatchObject({ entries: 0, shieldBytes: 0 });
});

test("miss() stores and repeats other statuses, and empty bodies", async () => {
  await using origin = await startOrigin((request, response) => {
    if (request.url === "/moved") response.writeHead(301, { Location: "/new", "Cache-Control": "max-age=60" });
    else if (request.url === "/none") response.writeHead(404, { "Cache-Control": "max-age=60" });
    else response.writeHead(200, { "Cache-Control": "max-age=60", "Content-Length": "0" });
    response.end(request.url === "/none" ? "no such thing" : "");
  });
  await using bed = await startTestbed({ origin: origin.port });
  for (const [target, status, body] of [
    ["/moved", 301, ""],
    ["/none", 404, "no such thing"],
    ["/empty", 200, ""],
  ] as const) {
    for (const round of [1, 2]) {
      const reply = await bed.get(target);
      expect([target, round, reply.status, reply.body.toString()]).toEqual([target, round, status, body]);
    }
  }
  expect(origin.requests.length).toBe(3);
});

test("miss() keeps to only-if-cached", async () => {
  await using origin = await startOrigin((_request, response) => void response.end("x"));
  await using bed = await startTestbed({ origin: origin.port });
  const reply = await bed.get("/x", { headers: { "Cache-Control": "only-if-cached" } });
  expect([reply.status, origin.requests.length]).toEqual([504, 0]);
});
