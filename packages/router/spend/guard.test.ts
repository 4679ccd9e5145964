import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { openTestDatabase } from "../db/testing/test-database.ts";
import { OriginResolver, systemResolve } from "../origin/resolver.ts";
import { type Site, siteSchema } from "../sites/site.ts";
import { alertsOf } from "./alert-tables.ts";
import { Alerts } from "./alerts.ts";
import { SpendGuard } from "./guard.ts";
import { addUsage } from "./usage-tables.ts";
import { webhookFields, webhookSecretOf } from "./webhook.ts";
import { WebhookSecrets } from "./webhook-secrets.ts";

const MASTER = new Uint8Array(32).fill(7);
const PRICES = { terminalGbMicros: 10_000, routerGbMicros: 20_000 };
const START_MS = Date.UTC(2026, 10, 20, 12);
const HOUR_MS = 3_600_000;
const GB = 1_000_000_000;
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function siteWith(spend: object): Site {
  return siteSchema.parse({
    name: "shop",
    hosts: ["shop.example"],
    origin: "https://o.example",
    allowPrivateOrigin: true,
    spend,
  });
}

async function stage(spend: object) {
  const directory = await mkdtemp(join(tmpdir(), "neson-spend-"));
  cleanups.push(() => rm(directory, { recursive: true }));
  const db = await openTestDatabase(join(directory, "router.sqlite"));
  cleanups.push(() => db.destroy());
  const clock = new FakeClock(START_MS);
  const held = { site: siteWith(spend) };
  const sites = {
    byName: (name: string) => (name === "shop" ? held.site : undefined),
    list: () => [held.site],
  };
  const openGuard = () => new SpendGuard(PRICES, { db, sites, clock });
  const use = (terminalGb: number, routerGb = 0) =>
    addUsage(db, {
      site: "shop",
      nowMs: clock.nowMs(),
      requests: 1,
      terminalBytes: terminalGb * GB,
      routerBytes: routerGb * GB,
    });
  return { db, clock, sites, held, openGuard, use };
}

test.each([
  ["router-only", "router-only"],
  ["stop", "stopped"],
] as const)(
  "SpendGuard with atLimit %s says %s once the cap is reached, also after a restart",
  async (atLimit, state) => {
    const { openGuard, use, held } = await stage({ cap: { amount: "0.10", atLimit } });
    const guard = openGuard();
    await guard.judge([]);
    await use(9);
    await guard.judge(["shop"]);
    expect(guard.stateOf("shop")).toBe("open");
    await use(1);
    await guard.judge(["shop"]);
    expect(guard.stateOf("shop")).toBe(state);

    const restarted = openGuard();
    await restarted.judge([]);
    expect(restarted.stateOf("shop")).toBe(state);

    await use(5);
    expect(await restarted.spending(held.site)).toMatchObject({ priceMicros: 150_000, costMicros: 100_000 });
  },
);

test("SpendGuard opens a site again when its cap is raised and when the month ends", async () => {
  const { openGuard, use, held, clock } = await stage({ cap: { amount: "0.10" } });
  const guard = openGuard();
  await use(10);
  await guard.judge(["shop"]);
  expect(guard.stateOf("shop")).toBe("router-only");
  held.site = siteWith({ cap: { amount: "0.20" } });
  await guard.judge(["shop"]);
  expect(guard.stateOf("shop")).toBe("open");
  await use(10);
  await guard.judge(["shop"]);
  expect(guard.stateOf("shop")).toBe("router-only");
  await clock.advance(20 * 24 * HOUR_MS);
  await guard.judge([]);
  expect(guard.stateOf("shop")).toBe("open");
});

test("SpendGuard hears of what other Routers wrote within fifteen seconds", async () => {
  const { openGuard, use, clock } = await stage({ cap: { amount: "0.10" } });
  const guard = openGuard();
  await guard.judge([]);
  await use(10);
  await clock.advance(14_000);
  await guard.judge([]);
  expect(guard.stateOf("shop")).toBe("open");
  await clock.advance(1000);
  await guard.judge([]);
  expect(guard.stateOf("shop")).toBe("router-only");
});

test("SpendGuard notes each threshold once a month and cap", async () => {
  const { db, openGuard, use, held } = await stage({ cap: { amount: "0.10" }, alertPercents: [50, 100] });
  const guard = openGuard();
  await use(5);
  await guard.judge(["shop"]);
  await guard.judge(["shop"]);
  expect((await alertsOf(db, "shop", 10)).map(({ percent }) => percent)).toEqual([50]);
  await use(5);
  await guard.judge(["shop"]);
  held.site = siteWith({ cap: { amount: "0.16" }, alertPercents: [50, 100] });
  await guard.judge(["shop"]);
  const alerts = await alertsOf(db, "shop", 10);
  expect(alerts.map(({ percent, capMicros }) => `${percent}% of ${capMicros}`).sort()).toEqual([
    "100% of 100000",
    "50% of 100000",
    "50% of 160000",
  ]);
});

async function startReceiver(statuses: number[]) {
  const received: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    received.push({ headers: request.headers, body });
    response.writeHead(statuses.shift() ?? 200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}

test("Alerts posts signed messages, again under the same id until one is taken", async () => {
  const receiver = await startReceiver([500, 204]);
  const { db, clock, sites, openGuard, use } = await stage({
    cap: { amount: "0.10", atLimit: "stop" },
    alertPercents: [100],
    webhook: receiver.url,
  });
  await use(10);
  await openGuard().judge(["shop"]);
  const resolver = new OriginResolver({ resolve: systemResolve, clock });
  const alerts = new Alerts({
    db,
    sites,
    resolver,
    secrets: new WebhookSecrets({ masterKey: MASTER }, { db, clock }),
    clock,
    log: silentLog,
  });
  await alerts.look();
  await alerts.look();
  expect(receiver.received.length).toBe(1);
  expect((await alertsOf(db, "shop", 1))[0]).toMatchObject({ attempts: 1, deliveredAtMs: undefined });
  await clock.advance(60_000);
  await alerts.look();
  await alerts.look();
  expect(receiver.received.length).toBe(2);
  const [first, second] = receiver.received;
  expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"] ?? "");
  expect(JSON.parse(second?.body ?? "")).toEqual({
    type: "spend.threshold",
    timestamp: new Date(START_MS).toISOString(),
    data: { site: "shop", month: "2026-11", percent: 100, cost: "0.10", cap: "0.10", atLimit: "stop" },
  });
  const message = {
    id: String(second?.headers["webhook-id"]),
    atSeconds: Number(second?.headers["webhook-timestamp"]),
    body: second?.body ?? "",
  };
  expect(second?.headers).toMatchObject(webhookFields(message, [webhookSecretOf(MASTER, "shop", 0)]));
  expect((await alertsOf(db, "shop", 1))[0]).toMatchObject({ attempts: 2, deliveredAtMs: START_MS + 60_000 });
});

test("Alerts gives up after fourteen tries and says why", async () => {
  const receiver = await startReceiver(new Array<number>(20).fill(503));
  const { db, clock, sites, openGuard, use } = await stage({
    cap: { amount: "0.10" },
    alertPercents: [100],
    webhook: receiver.url,
  });
  await use(10);
  await openGuard().judge(["shop"]);
  const resolver = new OriginResolver({ resolve: systemResolve, clock });
  const alerts = new Alerts({
    db,
    sites,
    resolver,
    secrets: new WebhookSecrets({ masterKey: MASTER }, { db, clock }),
    clock,
    log: silentLog,
  });
  for (let i = 0; i < 20; i++) {
    await alerts.look();
    await clock.advance(6 * HOUR_MS);
  }
  expect(receiver.received.length).toBe(14);
  expect((await alertsOf(db, "shop", 1))[0]?.lastError).toContain("the webhook answered 503");
});

test("Alerts dials no private address for a site that may not", async () => {
  const receiver = await startReceiver([]);
  const { db, clock, sites, held, openGuard, use } = await stage({
    cap: { amount: "0.10" },
    alertPercents: [100],
    webhook: receiver.url,
  });
  held.site = { ...held.site, allowPrivateOrigin: false };
  await use(10);
  await openGuard().judge(["shop"]);
  const resolver = new OriginResolver({ resolve: systemResolve, clock });
  await new Alerts({
    db,
    sites,
    resolver,
    secrets: new WebhookSecrets({ masterKey: MASTER }, { db, clock }),
    clock,
    log: silentLog,
  }).look();
  expect(receiver.received).toEqual([]);
  expect((await alertsOf(db, "shop", 1))[0]?.lastError).toContain("refused");
});

test("WebhookSecrets signs with the former secret too for a day after a rotation, also after a restart", async () => {
  const { db, clock } = await stage({});
  const open = () => new WebhookSecrets({ masterKey: MASTER }, { db, clock });
  const secret = (generation: number) => webhookSecretOf(MASTER, "shop", generation);
  expect(await open().of("shop")).toEqual([secret(0)]);
  expect(await open().rotate("shop")).toBe(secret(1));
  expect(await open().rotate("shop")).toBe(secret(2));
  expect(await open().of("shop")).toEqual([secret(2), secret(1)]);
  await clock.advance(24 * HOUR_MS);
  expect(await open().of("shop")).toEqual([secret(2)]);
  expect(await open().of("blog")).toEqual([webhookSecretOf(MASTER, "blog", 0)]);
});

test("SpendGuard charges a month that is over by the cap that it ended under", async () => {
  const { openGuard, use, held, clock } = await stage({ cap: { amount: "0.10" } });
  const guard = openGuard();
  await use(15);
  await guard.judge(["shop"]);
  await clock.advance(20 * 24 * HOUR_MS);
  held.site = siteWith({ cap: { amount: "0.01" } });
  await guard.judge(["shop"]);
  expect(await guard.spending(held.site, "2026-11")).toMatchObject({ priceMicros: 150_000, costMicros: 100_000 });
  expect(await guard.spendingOfAll([held.site], "2026-11")).toMatchObject([{ costMicros: 100_000 }]);
  expect(await guard.spending(held.site)).toMatchObject({ priceMicros: 0, capMicros: 10_000 });
});
