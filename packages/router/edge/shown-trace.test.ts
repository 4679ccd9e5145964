import { afterEach, expect, test } from "bun:test";
import { isInnerList, parseDictionary } from "structured-headers";
import { startOrigin, startTestbed, testBytes } from "./testbed.ts";

const cleanups: AsyncDisposable[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup[Symbol.asyncDispose]();
});

/** An edge of which the key "good" may see traces, and all that its origin is asked. */
async function stage() {
  const asked: string[][] = [];
  const origin = await startOrigin((request, response) => {
    asked.push(request.rawHeaders);
    const fields = { "Cache-Control": "max-age=60", "CDN-Cache-Control": "max-age=90", "X-Neson-Trace": "forged" };
    response.writeHead(200, { ...fields, "Content-Type": "video/mp4", Vary: "X-Neson-Trace" }).end(testBytes(100_000));
  });
  cleanups.push(origin);
  const keys: string[] = [];
  const mayTrace = async (key: string, site: string) => {
    keys.push(key);
    return key === "good" && site === "test-site";
  };
  const testbed = await startTestbed({ origin: origin.port, watch: { mayTrace } });
  cleanups.push(testbed);
  return { testbed, asked, keys };
}

function stepsOf(text: string | string[] | undefined): unknown[] {
  const steps = parseDictionary(String(text)).get("steps");
  if (steps === undefined || !isInnerList(steps)) throw new Error(`no steps in ${text}`);
  return steps[0].map(([value]) => value);
}

test("a trace tells the holder of a key what was decided and why", async () => {
  const { testbed } = await stage();
  const ask = (more = {}) => testbed.get("/a.mp4", { headers: { "X-Neson-Trace": "good", ...more } });
  const first = await ask();
  const dictionary = parseDictionary(String(first.headers["x-neson-trace"]));
  expect(String(dictionary.get("outcome")?.[0])).toBe("miss");
  expect(dictionary.get("client-network")?.[0]).toBe("127.0.0.0/24");
  expect(dictionary.get("origin-status")?.[0]).toBe(200);
  expect(dictionary.get("cache-control")?.[0]).toBe("max-age=60");
  expect(stepsOf(first.headers["x-neson-trace"])).toEqual(["plan: fetch (miss)"]);
  const second = await ask();
  expect(stepsOf(second.headers["x-neson-trace"])).toEqual(["plan: hit, fresh", "steer: no Terminal can be used now"]);
  testbed.steering.terminals = 1;
  const third = await ask();
  expect([third.status, parseDictionary(String(third.headers["x-neson-trace"])).get("terminal")?.[0]]).toEqual([
    307,
    "t0",
  ]);
  expect(stepsOf((await ask({ Range: "bytes=0-1,5-9" })).headers["x-neson-trace"])).toContain(
    "steer: no, the ranges are this Router's to answer",
  );
});

test("an answer with a trace may be kept by no cache, and leaves nothing in this one", async () => {
  const { testbed, asked } = await stage();
  const traced = await testbed.get("/a.mp4", { headers: { "X-Neson-Trace": "good" } });
  expect([traced.headers["cache-control"], traced.headers["cdn-cache-control"]]).toEqual(["no-store", undefined]);
  expect(traced.body.length).toBe(100_000);
  const plain = await testbed.get("/a.mp4");
  expect(plain.headers["x-neson-trace"]).toBeUndefined();
  expect(plain.headers["cache-control"]).toBe("max-age=60");
  expect(plain.headers["cache-status"]).toContain("hit");
  expect(asked.length).toBe(1);
});

test("an origin never sees the field, and its own of that name is not passed on", async () => {
  const { testbed, asked } = await stage();
  for (const [method, target] of [
    ["GET", "/a.mp4"],
    ["HEAD", "/b.mp4"],
    ["POST", "/c"],
  ]) {
    const headers = { "X-Neson-Trace": "good" };
    const { headers: answered } = await testbed.get(target ?? "", { method: method ?? "", headers });
    expect(String(answered["x-neson-trace"])).toStartWith("outcome=");
    expect((await testbed.get(target ?? "", { method: method ?? "" })).headers["x-neson-trace"]).toBeUndefined();
  }
  expect(asked.length).toBeGreaterThan(3);
  expect(asked.flat().map((text) => text.toLowerCase())).not.toContain("x-neson-trace");
});

test("a key that opens nothing is ignored, and without one nobody is asked", async () => {
  const { testbed, keys } = await stage();
  const plain = await testbed.get("/a.mp4");
  expect(keys).toEqual([]);
  const wrong = await testbed.get("/a.mp4", { headers: { "X-Neson-Trace": "bad" } });
  const { date: _, age: __, ...fields } = wrong.headers;
  expect([wrong.status, fields["x-neson-trace"], fields["cache-control"]]).toEqual([200, undefined, "max-age=60"]);
  expect(wrong.body.equals(plain.body)).toBe(true);
  expect(keys).toEqual(["bad"]);
});
