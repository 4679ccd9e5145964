import { afterEach, beforeEach, expect, test } from "bun:test";
import { addUsage } from "../../spend/usage-tables.ts";
import { addFigures } from "../../traffic/figure-tables.ts";
import { openTestApi, type TestApi } from "../testing.ts";

const FILMS = { name: "films", hosts: ["films.test"], origin: "https://origin.test" };
const GB = 1_000_000_000;
let api: TestApi;

beforeEach(async () => {
  api = await openTestApi();
  await api.call("POST", "/sites", { body: FILMS });
});

afterEach(() => api[Symbol.asyncDispose]());

async function use(routerGb: number, terminalGb: number): Promise<void> {
  const nowMs = api.clock.nowMs();
  const [routerBytes, terminalBytes] = [routerGb * GB, terminalGb * GB];
  await addUsage(api.db, { site: "films", nowMs, requests: 4, routerBytes, terminalBytes });
  const counts = [
    { dimension: "sender" as const, value: "router", requests: 1, bytes: routerBytes },
    { dimension: "sender" as const, value: "terminals", requests: 3, bytes: terminalBytes },
  ];
  await addFigures(api.db, { site: "films", atSeconds: nowMs / 1000, counts });
}

test("getUsage tells a month in bytes and money, day by day, with a forecast while it runs", async () => {
  await use(100, 0);
  await api.clock.advance(86_400_000);
  await use(0, 200);
  const { json } = await api.call("GET", "/sites/films/usage");
  expect(json).toEqual({
    ...{ site: "films", month: "2027-01", requests: 8, routerBytes: 100 * GB, terminalBytes: 200 * GB },
    // 15 days and 8 hours of 31 days are over.
    ...{ price: "2.00", cost: "2.00", state: "open", forecast: "4.043478" },
    prices: { terminalGb: "0.005", routerGb: "0.01" },
    days: [
      { day: "2027-01-15", requests: 4, routerBytes: 100 * GB, terminalBytes: 0, price: "1.00" },
      { day: "2027-01-16", requests: 4, routerBytes: 0, terminalBytes: 200 * GB, price: "1.00" },
    ],
  });
  const former = (await api.call("GET", "/sites/films/usage?month=2026-12")).json;
  expect([former.cost, former.forecast, former.days]).toEqual(["0.00", undefined, []]);
});

test("listUsage tells of the sites a key may see, page by page", async () => {
  for (const name of ["music", "news"]) {
    await api.call("POST", "/sites", { body: { ...FILMS, name, hosts: [`${name}.test`] } });
  }
  await use(1, 0);
  const first = (await api.call("GET", "/usage?limit=2")).json;
  expect(first.usage.map(({ site, price }: Record<string, string>) => [site, price])).toEqual([
    ["films", "0.01"],
    ["music", "0.00"],
  ]);
  const second = (await api.call("GET", `/usage?limit=2&cursor=${first.nextCursor}`)).json;
  expect([second.usage.length, second.nextCursor]).toEqual([1, undefined]);
  const key = await api.keyWith(["usage:read"], { sites: ["news"] });
  const seen = (await api.call("GET", "/usage", { key })).json.usage;
  expect(seen.map(({ site }: { site: string }) => site)).toEqual(["news"]);
});

test("a cap is heeded as soon as it is set, and its alerts are listed", async () => {
  await use(100, 0);
  const cap = { amount: "0.80", atLimit: "stop" };
  const put = await api.call("PUT", "/sites/films/spend", { body: { cap, alertPercents: [50, 100] } });
  expect([put.status, api.watched.guard.stateOf("films")]).toEqual([200, "stopped"]);
  const usage = (await api.call("GET", "/sites/films/usage")).json;
  expect(usage).toMatchObject({ price: "1.00", cost: "0.80", cap: "0.80", state: "stopped", forecast: "0.80" });
  const { alerts } = (await api.call("GET", "/sites/films/alerts")).json;
  expect(alerts.map(({ percent, cost }: Record<string, unknown>) => [percent, cost])).toEqual([
    [100, "0.80"],
    [50, "0.80"],
  ]);
  await api.call("PATCH", "/sites/films/spend", { body: { cap: null } });
  expect(api.watched.guard.stateOf("films")).toBe("open");
});

test("what a site may cost is changed by keys with spend:write, against the version they saw", async () => {
  const key = await api.keyWith(["spend:write", "usage:read"], { sites: ["films"] });
  const seen = await api.call("GET", "/sites/films/spend", { key });
  expect(seen.json).toEqual({ alertPercents: [50, 80, 100] });
  const body = { cap: { amount: "10" } };
  const headers = { "If-Match": seen.headers.get("etag") ?? "" };
  const put = await api.call("PUT", "/sites/films/spend", { key, body, headers });
  expect([put.status, put.json.cap]).toEqual([200, { amount: "10", atLimit: "router-only" }]);
  expect((await api.call("PUT", "/sites/films/spend", { key, body, headers })).status).toBe(412);
  for (const wrong of [
    { cap: { amount: "-1" } },
    { cap: { amount: "1", atLimit: "pray" } },
    { alertPercents: [0] },
    { webhook: "ftp://hooks.test/" },
    { webhook: "http://127.0.0.1/" },
    { webhook: "http://169.254.169.254/latest" },
  ]) {
    const refused = await api.call("PUT", "/sites/films/spend", { key, body: wrong });
    expect([wrong, refused.status, refused.json.code]).toEqual([wrong, 400, "bad-input"]);
  }
  const reader = await api.keyWith(["usage:read", "sites:write"]);
  expect((await api.call("PUT", "/sites/films/spend", { key: reader, body })).status).toBe(403);
});

test("a webhook at a private address is the operator's to set", async () => {
  await api.call("PATCH", "/sites/films", { body: { allowPrivateOrigin: true } });
  const key = await api.keyWith(["spend:write", "sites:write"]);
  const body = { webhook: "http://10.0.0.1/hook" };
  expect((await api.call("PUT", "/sites/films/spend", { key, body })).status).toBe(403);
  expect((await api.call("PUT", "/sites/films/spend", { body })).status).toBe(200);
});

test("a rotated webhook secret is told once, and is in no table and no record", async () => {
  const headers = { "Idempotency-Key": "once" };
  const { json } = await api.call("POST", "/sites/films/webhook-secret", { headers });
  expect(json.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(await api.watched.secrets.of("films")).toContain(json.secret);
  const again = await api.call("POST", "/sites/films/webhook-secret", { headers });
  expect([again.status, again.json.code]).toEqual([409, "answer-not-kept"]);
  const kept = JSON.stringify(await api.tables()) + (await api.call("GET", "/audit")).text;
  expect(kept).toContain("the webhook's secret");
  expect(kept).not.toContain(json.secret.slice(6));
});
