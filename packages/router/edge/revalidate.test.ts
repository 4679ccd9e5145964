import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { type CatalogEntry, steeredHeadersOf } from "../catalog/entry.ts";
import { startOrigin, startTestbed, testBytes, until } from "./testbed.ts";

const BODY = testBytes(100_000);
const NEW_BODY = testBytes(100_000, 7);

/** An origin whose file has a version, and honours If-None-Match. */
async function versioned(headers: Record<string, string>) {
  const state = { version: 1, status: 0 };
  const clock = new FakeClock(Date.now());
  const origin = await startOrigin((request, response) => {
    if (state.status !== 0) {
      response.writeHead(state.status).end("trouble");
      return;
    }
    const etag = `"v${state.version}"`;
    const date = new Date(clock.nowMs()).toUTCString();
    const common = { "Content-Type": "video/mp4", ETag: etag, Date: date, ...headers };
    if (request.headers["if-none-match"] === etag) response.writeHead(304, common).end();
    else response.writeHead(200, common).end(state.version === 1 ? BODY : NEW_BODY);
  });
  const bed = await startTestbed({ origin: origin.port, clock });
  return {
    ...{ state, origin, bed, clock },
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

test("revalidate() steers after a 304 and is fresh again", async () => {
  await using net = await versioned({ "Cache-Control": "max-age=100" });
  const { bed, clock, origin } = net;
  bed.steering.terminals = 3;
  await bed.get("/v");
  const before = await bed.catalog.find("test-site", "/v", {});
  await clock.advance(150_000);
  const again = await bed.get("/v", { headers: { Range: "bytes=0-9", "If-None-Match": '"other"' } });
  expect([again.status, again.headers["cache-status"]]).toEqual([307, "NESON; fwd=stale; fwd-status=304; ttl=100"]);
  expect(origin.requests[1]?.headers).toMatchObject({ "if-none-match": '"v1"' });
  expect(origin.requests[1]?.headers.range).toBeUndefined();
  expect((await bed.get("/v")).headers["cache-status"]).toBe("NESON; hit; ttl=100");
  expect(origin.requests.length).toBe(2);
  const after = await bed.catalog.find("test-site", "/v", {});
  // Its own freshness goes to viewers: Terminals are told the new header set.
  expect(after?.headersId).not.toBe(before?.headersId);
  expect(bed.steering.placed.map((entry) => entry.headersId)).toEqual([
    before?.headersId,
    after?.headersId,
  ] as string[]);
  expect((await bed.catalog.manifestFor(after?.object.objectId ?? "", after?.headersId ?? ""))?.headers).toEqual(
    after === undefined ? [] : steeredHeadersOf(after),
  );
});

test("revalidate() asks each time for what has only a validator, without telling Terminals anything new", async () => {
  await using net = await versioned({});
  const { bed, clock, origin } = net;
  bed.steering.terminals = 3;
  await bed.get("/v");
  for (let i = 0; i < 3; i++) {
    await clock.advance(5000);
    expect((await bed.get("/v")).status).toBe(307);
  }
  expect(origin.requests.length).toBe(4);
  expect(bed.steering.placed.length).toBe(1);
});

test("revalidate() replaces what changed", async () => {
  await using net = await versioned({ "Cache-Control": "max-age=100" });
  const { bed, clock, state } = net;
  await bed.get("/v");
  await clock.advance(150_000);
  state.version = 2;
  const reply = await bed.get("/v");
  expect([reply.body.equals(NEW_BODY), reply.headers["cache-status"]]).toEqual([true, "NESON; fwd=stale; stored"]);
  const part = await bed.get("/v", { headers: { Range: "bytes=0-9" } });
  expect([part.body.equals(NEW_BODY.subarray(0, 10)), part.headers.etag]).toEqual([true, '"v2"']);
  expect((await bed.catalog.stored()).entries).toBe(1);
});

test("revalidate() fetches anew when the 304 is about another representation", async () => {
  await using net = await versioned({ "Cache-Control": "max-age=100" });
  const { bed, clock, origin } = net;
  await bed.get("/v");
  await clock.advance(150_000);
  origin.answer = (request, response) => {
    if (request.headers["if-none-match"] !== undefined) response.writeHead(304, { ETag: '"v9"' }).end();
    else response.writeHead(200, { "Cache-Control": "max-age=100" }).end(NEW_BODY);
  };
  expect((await bed.get("/v")).body.equals(NEW_BODY)).toBe(true);
  expect(origin.requests.length).toBe(3);
});

test("revalidate() makes one conditional request for all who ask meanwhile", async () => {
  await using net = await versioned({ "Cache-Control": "max-age=100" });
  const { bed, clock, origin } = net;
  await bed.get("/v");
  await clock.advance(150_000);
  const replies = await Promise.all(Array.from({ length: 8 }, () => bed.get("/v")));
  for (const reply of replies) expect(reply.body.equals(BODY)).toBe(true);
  expect(origin.requests.length).toBe(2);
});

test("revalidate() asks for each client where the origin wants to be asked each time", async () => {
  await using net = await versioned({ "Cache-Control": "no-cache" });
  const { bed, origin } = net;
  await bed.get("/v");
  await Promise.all(Array.from({ length: 5 }, () => bed.get("/v")));
  expect(origin.requests.length).toBe(6);
});

test("revalidate() covers an origin error with a stale answer only where that is allowed", async () => {
  for (const [extra, status, cacheStatus] of [
    [", stale-if-error=600", 200, 'NESON; hit; ttl=-50; detail="stale-if-error"'],
    // By the site's default.
    ["", 200, 'NESON; hit; ttl=-50; detail="stale-if-error"'],
    [", stale-if-error=0", 503, "NESON; fwd=stale"],
    [", must-revalidate", 503, "NESON; fwd=stale"],
  ] as const) {
    await using net = await versioned({ "Cache-Control": `max-age=100${extra}` });
    const { bed, clock, state } = net;
    await bed.get("/v");
    await clock.advance(150_000);
    state.status = 503;
    const reply = await bed.get("/v");
    expect([reply.status, reply.headers["cache-status"]]).toEqual([status, cacheStatus]);
    await net.origin[Symbol.asyncDispose]();
    const down = await bed.get("/v");
    expect(down.status).toBe(status === 200 ? 200 : 502);
  }
});

test("revalidate() does not ask a failing origin again for every request", async () => {
  await using net = await versioned({ "Cache-Control": "max-age=100" });
  const { bed, clock, state, origin } = net;
  await bed.get("/v");
  await clock.advance(150_000);
  state.status = 503;
  for (let i = 0; i < 5; i++) expect((await bed.get("/v")).status).toBe(200);
  expect(origin.requests.length).toBe(2);
  await clock.advance(6_000);
  state.status = 0;
  expect((await bed.get("/v")).headers["cache-status"]).toBe("NESON; fwd=stale; fwd-status=304; ttl=100");
});

test("renew() asks once behind the clients' backs, and keeps what it gets", async () => {
  await using net = await versioned({ "Cache-Control": "max-age=100, stale-while-revalidate=1000" });
  const { bed, clock, state, origin } = net;
  await bed.get("/v");
  await clock.advance(150_000);
  state.version = 2;
  const replies = await Promise.all(Array.from({ length: 8 }, () => bed.get("/v")));
  for (const reply of replies) {
    expect([reply.headers["cache-status"], reply.headers.age]).toEqual(["NESON; hit; ttl=-50", "150"]);
    expect(reply.body.equals(BODY)).toBe(true);
  }
  const isRenewed = () => bed.catalog.find("test-site", "/v", {});
  await until(() => (isRenewed() as CatalogEntry).facts.etag === '"v2"', "the new version");
  expect(origin.requests.length).toBe(2);
  const reply = await bed.get("/v");
  expect([reply.body.equals(NEW_BODY), reply.headers["cache-status"]]).toEqual([true, "NESON; hit; ttl=100"]);
});

test("renew() keeps what is stored when the origin fails, and asks again later", async () => {
  await using net = await versioned({ "Cache-Control": "max-age=100, stale-while-revalidate=1000" });
  const { bed, clock, state, origin } = net;
  await bed.get("/v");
  await clock.advance(150_000);
  state.status = 500;
  expect((await bed.get("/v")).status).toBe(200);
  await until(() => origin.requests.length === 2, "the background request");
  await until(() => bed.edge.stats.originRequests === 2, "its count");
  for (let i = 0; i < 3; i++) expect((await bed.get("/v")).body.equals(BODY)).toBe(true);
  expect(origin.requests.length).toBe(2);
  await clock.advance(6_000);
  state.status = 0;
  await bed.get("/v");
  await until(() => origin.requests.length === 3, "another attempt");
});

test("revalidate() answers HEAD without fetching the body when a 304 comes", async () => {
  await using net = await versioned({ "Cache-Control": "max-age=100" });
  const { bed, clock } = net;
  await bed.get("/v");
  await clock.advance(150_000);
  const reply = await bed.get("/v", { method: "HEAD" });
  expect([reply.status, reply.headers["content-length"], reply.body.length]).toEqual([200, "100000", 0]);
});
