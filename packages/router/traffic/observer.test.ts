import { afterEach, expect, test } from "bun:test";
import { systemClock } from "@neson/kit/clock";
import type { EdgeOptions } from "../edge/edge.ts";
import { openRequest, startOrigin, startTestbed, testBytes, until } from "../edge/testbed.ts";
import { AddressSet } from "../rules/address-set.ts";
import type { SpendState } from "../spend/guard.ts";
import type { AccessRecord } from "./access-record.ts";
import { Latencies } from "./latencies.ts";
import { LiveLog } from "./live-log.ts";
import { TrafficObserver } from "./observer.ts";
import { Tallies } from "./tally.ts";

const cleanups: AsyncDisposable[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup[Symbol.asyncDispose]();
});

async function stage(spendState: () => SpendState = () => "open", edge: Partial<EdgeOptions> = {}) {
  const origin = await startOrigin((request, response) => {
    const isVideo = request.url?.endsWith(".mp4") === true;
    const headers = { "Content-Type": isVideo ? "video/mp4" : "text/html", "Cache-Control": "max-age=60" };
    response.writeHead(200, headers).end(testBytes(isVideo ? 3_000_000 : 1000));
  });
  cleanups.push(origin);
  const records: AccessRecord[] = [];
  const tallies = new Tallies();
  const latencies = new Latencies();
  const observer = new TrafficObserver({
    ...{ tallies, latencies, live: new LiveLog({ maxReaders: 1 }), clock: systemClock },
    accessLog: { add: (record) => void records.push(record) },
    countryOf: () => "DE",
  });
  const testbed = await startTestbed({
    origin: origin.port,
    edge,
    watch: { observe: (x, answer) => observer.observe(x, answer), spendStateOf: spendState },
  });
  cleanups.push(testbed);
  const recorded = async (count: number) => {
    await until(() => records.length >= count, `${count} records`);
    return records;
  };
  return { testbed, tallies, latencies, recorded };
}

test("observe() records what was asked, what was answered, and where the client was sent", async () => {
  const { testbed, recorded } = await stage();
  await testbed.get("/a.mp4");
  testbed.steering.terminals = 2;
  await testbed.get("/a.mp4", { headers: { "User-Agent": "test", Referer: "http://site.test/" } });
  const [first, second] = await recorded(2);
  expect(first).toMatchObject({
    ...{ site: "test-site", host: "site.test", method: "GET", target: "/a.mp4", status: 200, bytes: 3_000_000 },
    ...{ complete: true, clientNetwork: "127.0.0.0/24", country: "DE", contentType: "video/mp4" },
  });
  expect(second).toMatchObject({ status: 307, bytes: 0, outcome: "hit", terminal: "t0", userAgent: "test" });
  expect(second?.cacheStatus).toContain("hit");
  expect(second?.durationMs).toBeGreaterThanOrEqual(0);
});

test("observe() counts by outcome, status, country, sender and Terminal", async () => {
  const { testbed, tallies, latencies, recorded } = await stage();
  await testbed.get("/a.html");
  await testbed.get("/a.html");
  await recorded(2);
  const counts = [...tallies.of("test-site").counts()];
  const of = (dimension: string, value: string) => {
    const found = counts.find((count) => count.dimension === dimension && count.value === value);
    return [found?.requests, found?.bytes];
  };
  expect(of("total", "")).toEqual([2, 2000]);
  expect(of("status", "200")).toEqual([2, 2000]);
  expect(of("country", "DE")).toEqual([2, 2000]);
  expect(of("sender", "router")).toEqual([2, 2000]);
  expect(of("outcome", "hit")).toEqual([1, 1000]);
  const hits = new Map(latencies.entries()).get("hit");
  expect(hits?.cumulative.at(-1)).toBe(1);
});

test("observe() says that a transfer broke off", async () => {
  const { testbed, recorded } = await stage();
  const response = await openRequest(testbed.port, "/a.mp4");
  response.destroy();
  const [record] = await recorded(1);
  expect(record?.complete).toBe(false);
  expect(record?.bytes).toBeLessThan(3_000_000);
});

test("a site at its cap is served without Terminals, or stopped with 509 until the month ends", async () => {
  let state: SpendState = "open";
  const { testbed, recorded } = await stage(() => state);
  await testbed.get("/a.mp4");
  testbed.steering.terminals = 2;
  expect((await testbed.get("/a.mp4")).status).toBe(307);
  state = "router-only";
  expect((await testbed.get("/a.mp4")).status).toBe(200);
  state = "stopped";
  const stopped = await testbed.get("/a.mp4");
  expect(stopped.status).toBe(509);
  expect(Number(stopped.headers["retry-after"])).toBeGreaterThan(0);
  expect(stopped.headers["cache-control"]).toBe("no-store");
  const steps = (await recorded(4)).flatMap((record) => record.steps).join("\n");
  expect(steps).toContain("the month's cap is reached");
});

test("records name the network that steering went by, and the reason for each decision", async () => {
  const trustedProxies = { addresses: new AddressSet(["127.0.0.1"]), field: "x-forwarded-for" } as const;
  const { testbed, recorded } = await stage(undefined, { trustedProxies });
  const headers = { "X-Forwarded-For": "198.51.100.77" };
  await testbed.get("/a.mp4", { headers });
  await testbed.get("/a.mp4", { headers });
  testbed.steering.terminals = 1;
  await testbed.get("/a.mp4", { headers });
  await testbed.get("/a.html", { headers });
  await testbed.get("/a.html", { headers });
  await testbed.get("/a.mp4", { headers, method: "POST" });
  const records = await recorded(6);
  expect(testbed.steering.queries.map(({ clientAddress }) => clientAddress)).toEqual([
    ...["198.51.100.77", "198.51.100.77"],
  ]);
  expect(new Set(records.map(({ clientNetwork }) => clientNetwork))).toEqual(new Set(["198.51.100.0/24"]));
  expect(records.map(({ steps }) => steps)).toEqual([
    ["plan: fetch (miss)"],
    ["plan: hit, fresh", "steer: no Terminal can be used now"],
    ["plan: hit, fresh", "steer: to a Terminal"],
    ["plan: fetch (miss)"],
    ["plan: hit, fresh", "steer: no, the delivery rules keep it here"],
    ["plan: pass, the method or its content is for the origin alone"],
  ]);
});
