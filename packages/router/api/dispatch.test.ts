import { expect, test } from "bun:test";
import { NesonError } from "@neson/kit/error";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { z } from "zod";
import type { AuditRecord } from "./audit-trail.ts";
import { type Call, defineCall } from "./call.ts";
import { CallRates } from "./call-rates.ts";
import { createDispatch } from "./dispatch.ts";
import type { Standing } from "./kept-answers.ts";

type Spec = Parameters<typeof defineCall>[0];

const COMMON = { id: "tryIt", method: "GET", path: "/try", area: "network", summary: "Try", answers: {} } as const;
const OPEN = { ...COMMON, scope: "stats:read", reach: "network" } as const;

/** A dispatcher of some calls for the holder of the key "key". */
function serve(calls: Call[], clock = new FakeClock()) {
  const records: Omit<AuditRecord, "id" | "atMs">[] = [];
  const log: string[] = [];
  const kept: (string | null)[] = [];
  const note = (details: object) => void log.push(JSON.stringify(details));
  const dispatch = createDispatch({
    calls,
    operatorToken: "token",
    keys: {
      callerOf: async (key) =>
        key === "key" ? { id: "k1", name: "K", scopes: ["stats:read", "sites:write"] } : undefined,
    },
    trail: { add: async (record) => void records.push(record) },
    kept: {
      begin: async (): Promise<Standing> => ({ state: "new" }),
      keep: async (_caller, _key, { body }) => void kept.push(body),
      forget: async () => {},
    },
    rates: new CallRates({ clock }),
    requestId: () => "r1",
    log: { ...silentLog, error: note, warn: note } as typeof silentLog,
  });
  const ask = (path = "/try", init: RequestInit = {}) =>
    dispatch(new Request(`http://router.test/api/v1${path}`, { headers: { Authorization: "Bearer key" }, ...init }), {
      address: "192.0.2.1",
      keepOpen: () => {},
    });
  return { ask, records, log, kept };
}

async function* countTo(end: number, ended: () => void) {
  try {
    for (let count = 1; count <= end; count += 1) yield { count };
  } finally {
    ended();
  }
}

test("lines are streamed as NDJSON, or as events to who asks for them", async () => {
  const { ask } = serve([defineCall({ ...OPEN, handle: () => ({ lines: countTo(3, () => {}) }) })]);
  const plain = await ask();
  expect(plain.headers.get("content-type")).toBe("application/x-ndjson");
  expect(await plain.text()).toBe('{"count":1}\n{"count":2}\n{"count":3}\n');
  const events = await ask("/try", { headers: { Authorization: "Bearer key", Accept: "text/event-stream" } });
  expect(events.headers.get("content-type")).toBe("text/event-stream");
  expect(await events.text()).toBe('data: {"count":1}\n\ndata: {"count":2}\n\ndata: {"count":3}\n\n');
});

test("text is streamed under its own type", async () => {
  async function* rows() {
    yield "a,b\n";
    yield "1,2\n";
  }
  const { ask } = serve([defineCall({ ...OPEN, handle: () => ({ text: { type: "text/csv", content: rows() } }) })]);
  const answer = await ask();
  expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8");
  expect(await answer.text()).toBe("a,b\n1,2\n");
});

test("a stream is read no faster than its client reads, and ends with it", async () => {
  let hasEnded = false;
  let made = 0;
  async function* endless() {
    try {
      for (;;) {
        made += 1;
        yield { made };
      }
    } finally {
      hasEnded = true;
    }
  }
  const { ask } = serve([defineCall({ ...OPEN, isEndless: true, handle: () => ({ lines: endless() }) })]);
  const reader = (await ask()).body?.getReader();
  await reader?.read();
  await reader?.read();
  await new Promise((resolve) => setImmediate(resolve));
  expect(made).toBeLessThan(10);
  await reader?.cancel();
  expect(hasEnded).toBe(true);
});

test("a stream whose source fails breaks off, never ends as if it were whole, and is logged", async () => {
  async function* breaking() {
    yield { count: 1 };
    throw new Error("disk gone");
  }
  const { ask, log } = serve([defineCall({ ...OPEN, handle: () => ({ lines: breaking() }) })]);
  const answer = await ask();
  expect(answer.text()).rejects.toThrow("disk gone");
  await answer.text().catch(() => {});
  expect(log.length).toBe(1);
});

test("a stream is not held back by an Idempotency-Key, and not kept", async () => {
  let hasEnded = false;
  const lines = countTo(1e9, () => {
    hasEnded = true;
  });
  const { ask, kept } = serve([defineCall({ ...OPEN, method: "POST", handle: () => ({ lines }) })]);
  const headers = { Authorization: "Bearer key", "Idempotency-Key": "k" };
  const answer = await ask("/try", { method: "POST", headers });
  const reader = answer.body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('{"count":1}\n');
  expect([hasEnded, kept]).toEqual([false, [null]]);
  await reader?.cancel();
});

test("HEAD of a stream ends it at once", async () => {
  let hasEnded = false;
  const lines = countTo(1e9, () => {
    hasEnded = true;
  });
  const { ask } = serve([defineCall({ ...OPEN, handle: () => ({ lines }) })]);
  const answer = await ask("/try", { method: "HEAD", headers: { Authorization: "Bearer key" } });
  expect([answer.status, await answer.text()]).toEqual([200, ""]);
  expect(hasEnded).toBe(true);
});

test("what fails inside is logged and told to nobody", async () => {
  const handle: Spec["handle"] = () => {
    throw new Error("the password is swordfish");
  };
  const { ask, log } = serve([defineCall({ ...OPEN, handle })]);
  const answer = await ask();
  const text = await answer.text();
  expect([answer.status, answer.headers.get("content-type")]).toEqual([500, "application/problem+json"]);
  expect(JSON.parse(text)).toMatchObject({ code: "internal", instance: "urn:neson:request:r1" });
  expect(text).not.toContain("swordfish");
  expect(log.length).toBe(1);
});

test("what only the operator can mend is told to the operator alone", async () => {
  const handle: Spec["handle"] = () => {
    throw new NesonError("no-geo", "opening /srv/geo.mmdb failed", { fault: "operator" });
  };
  const { ask } = serve([defineCall({ ...OPEN, handle })]);
  const [own, theirs] = [await ask("/try", { headers: { Authorization: "Bearer token" } }), await ask()];
  expect([own.status, theirs.status]).toEqual([503, 503]);
  expect(await own.text()).toContain("/srv/geo.mmdb");
  expect(await theirs.text()).not.toContain("/srv/geo.mmdb");
});

test("each key has its share of calls in ten seconds, and is told what is left of it", async () => {
  const clock = new FakeClock(1_800_000_000_000);
  const { ask } = serve([defineCall({ ...OPEN, handle: () => ({ json: {} }) })], clock);
  const first = await ask();
  expect(first.headers.get("ratelimit-policy")).toBe('"calls";q=200;w=10');
  expect(first.headers.get("ratelimit")).toBe('"calls";r=199;t=10');
  for (let index = 1; index < 200; index += 1) expect((await ask()).status).toBe(200);
  await clock.advance(4000);
  const exceeded = await ask();
  expect([exceeded.status, exceeded.headers.get("retry-after")]).toEqual([429, "6"]);
  expect(await exceeded.json()).toMatchObject({ code: "too-many-calls", status: 429 });
  expect((await ask("/try", { headers: { Authorization: "Bearer token" } })).status).toBe(200);
  await clock.advance(6000);
  expect((await ask()).status).toBe(200);
});

test("whoever has no key is held to a share by address", async () => {
  const { ask } = serve([defineCall({ ...OPEN, handle: () => ({ json: {} }) })]);
  const statuses = new Set<number>();
  for (let index = 0; index < 60; index += 1)
    statuses.add((await ask("/try", { headers: { Authorization: "Bearer no" } })).status);
  expect([...statuses]).toEqual([401, 429]);
});

test("a call that outlives its client is told to stop", async () => {
  const leaving = new AbortController();
  let signal: AbortSignal | undefined;
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const handle: Spec["handle"] = (context) => {
    ({ signal } = context);
    begin();
    return new Promise(() => {});
  };
  const { ask } = serve([defineCall({ ...OPEN, handle })]);
  const asked = ask("/try", { headers: { Authorization: "Bearer key" }, signal: leaving.signal });
  await begun;
  leaving.abort();
  const answer = await asked;
  expect([answer.status, signal?.aborted]).toEqual([503, true]);
  expect(await answer.json()).toMatchObject({ code: "timed-out" });
});

test("changes are on record with what was noted, readings are not", async () => {
  const { ask, records } = serve([
    defineCall({ ...OPEN, handle: () => ({ json: {} }) }),
    defineCall({
      ...{ ...OPEN, id: "doIt", method: "POST", body: z.strictObject({ site: z.string() }) },
      handle: ({ body, note }) => {
        note({ site: body.site, summary: "done" });
        return {};
      },
    }),
  ]);
  const post = (text: string) => ask("/try", { method: "POST", body: text, headers: { Authorization: "Bearer key" } });
  await ask();
  expect((await post('{"site":"films"}')).status).toBe(204);
  expect((await post('{"site":1}')).status).toBe(400);
  expect(records).toEqual([
    {
      ...{ caller: "k1", callerName: "K", address: "192.0.2.1", call: "doIt", path: "/api/v1/try", site: "films" },
      ...{ status: 204, requestId: "r1", summary: "done" },
    },
    {
      ...{ caller: "k1", callerName: "K", address: "192.0.2.1", call: "doIt", path: "/api/v1/try" },
      ...{ status: 400, code: "bad-input", requestId: "r1", summary: "" },
    },
  ]);
});

test("a path without calls, a method a path has not, and OPTIONS are told apart", async () => {
  const { ask } = serve([defineCall({ ...OPEN, handle: () => ({ json: {} }) })]);
  expect((await ask("/nothing")).status).toBe(404);
  expect((await ask("/try/")).status).toBe(404);
  const wrong = await ask("/try", { method: "DELETE" });
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
  const options = await ask("/try", { method: "OPTIONS" });
  expect([options.status, options.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS"]);
});

test("every answer carries its request's id and is kept by nobody", async () => {
  const { ask } = serve([defineCall({ ...OPEN, handle: () => ({ json: {} }) })]);
  for (const answer of [await ask(), await ask("/nothing")]) {
    expect(answer.headers.get("x-request-id")).toBe("r1");
    expect(answer.headers.get("cache-control")).toBe("no-store");
  }
});
