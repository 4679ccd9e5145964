import { afterAll, beforeAll, expect, test } from "bun:test";
import { z } from "zod";
import { addUsage } from "../spend/usage-tables.ts";
import { addFigures } from "../traffic/figure-tables.ts";
import { JOB_ID, type Operation, openTestApi, operationsOf, type TestApi, type Told } from "./testing.ts";

const SITE = "/sites/films";
const FILMS = { name: "films", hosts: ["films.test"], origin: "https://origin.test" };
const SIGNING = { paths: ["/paid/*"], keys: [{ id: "key-1", secret: "0123456789abcdefghijklmnop" }] };
const TERMINAL = "ab".repeat(32);

let api: TestApi;
let operations: Operation[];
let schemas: Record<string, unknown>;
const answered = new Set<string>();

beforeAll(async () => {
  api = await openTestApi();
  const document = (await api.call("GET", "/openapi.json")).json;
  operations = operationsOf(document);
  ({ schemas } = document.components);
});

afterAll(() => api[Symbol.asyncDispose]());

/** The schema that the document has for an answer, with all that it refers to. */
function documented(operation: Operation, status: number): z.ZodType | undefined {
  const schema = operation.answers[String(status)];
  if (schema === undefined) return undefined;
  const whole = JSON.stringify({ ...(schema as object), $defs: schemas }).replaceAll(
    "#/components/schemas/",
    "#/$defs/",
  );
  return z.fromJSONSchema(JSON.parse(whole));
}

async function check(id: string, path: string, body?: unknown): Promise<Told> {
  const operation = operations.find((one) => one.id === id);
  if (operation === undefined) throw new Error(`no call ${id}`);
  const told = await api.call(operation.method, path, body === undefined ? {} : { body });
  expect([id, told.status < 300, Object.keys(operation.answers).includes(String(told.status))]).toEqual([
    id,
    true,
    true,
  ]);
  const schema = documented(operation, told.status);
  if (schema !== undefined)
    expect({ id, found: schema.safeParse(told.json).error?.issues }).toEqual({ id, found: undefined });
  answered.add(id);
  return told;
}

test("every call's answer is what the document says", async () => {
  await check("addSite", "/sites", { ...FILMS, access: { signing: SIGNING }, spend: { cap: { amount: "5" } } });
  await check("putSite", SITE, { ...FILMS, rules: [{ path: "/a/*", deliver: "verified" }] });
  await check("patchSite", SITE, { access: { signing: SIGNING } });
  await check("getSite", SITE);
  await check("listSites", "/sites?limit=1");
  await check("getRules", `${SITE}/rules`);
  await check("putRules", `${SITE}/rules`, [{ type: "video/*", deliver: "redirect" }]);
  for (const [name, group, settings] of [
    ["Cache", "cache", { heuristicFraction: 0.5 }],
    ["Access", "access", { methods: ["GET"], signing: SIGNING }],
    ["Rewrite", "rewrite", { redirects: [{ path: "/old", to: "/new" }] }],
    ["Origins", "origins", { others: [{ url: "https://other.films.test", isBackup: true }] }],
  ] as const) {
    await check(`put${name}`, `${SITE}/${group}`, settings);
    await check(`patch${name}`, `${SITE}/${group}`, {});
    await check(`get${name}`, `${SITE}/${group}`);
  }
  const wanted = { url: "https://films.test/paid/a", keyId: "key-1", lifeSeconds: 60 };
  await check("signUrl", `${SITE}/signed-urls`, wanted);
  await check("putSpend", `${SITE}/spend`, {
    cap: { amount: "12.5", atLimit: "stop" },
    webhook: "https://hooks.test/a",
  });
  await check("patchSpend", `${SITE}/spend`, { alertPercents: [90] });
  await check("getSpend", `${SITE}/spend`);
  const nowMs = api.clock.nowMs();
  await addUsage(api.db, { site: "films", nowMs, requests: 3, routerBytes: 5e12, terminalBytes: 7 });
  await addFigures(api.db, {
    ...{ site: "films", atSeconds: nowMs / 1000 },
    counts: [{ dimension: "sender", value: "router", requests: 3, bytes: 5e12 }],
  });
  await api.clock.advance(20_000);
  await api.watched.guard.judge(["films"]);
  expect((await check("listAlerts", `${SITE}/alerts`)).json.alerts.length).toBe(1);
  await check("rotateWebhookSecret", `${SITE}/webhook-secret`);
  expect((await check("getUsage", `${SITE}/usage`)).json.days.length).toBe(1);
  expect((await check("listUsage", "/usage")).json.usage.length).toBe(1);
  expect((await check("getStats", `${SITE}/stats?by=sender&step=day`)).json.figures.length).toBe(1);
  await check("getStatsTable", `${SITE}/stats.csv`);
  expect((await check("readLog", `${SITE}/logs`)).text).toBe('{"type":"heartbeat"}\n');
  await check("startPurge", `${SITE}/purges`, { prefix: "/img/", soft: true });
  await check("getPurge", `${SITE}/purges/${JOB_ID}`);
  await check("listPurges", `${SITE}/purges?limit=2`);
  await check("startPrefetch", `${SITE}/prefetches`, { urls: ["/a", "https://films.test/b"] });
  await check("getPrefetch", `${SITE}/prefetches/${JOB_ID}`);
  await check("listPrefetches", `${SITE}/prefetches?limit=2`);
  await check("removeSite", SITE);
  const { key } = (await check("createKey", "/keys", { name: "x", scopes: ["purge"], sites: ["films"] })).json;
  await check("rotateKey", `/keys/${key.id}/rotate`, {});
  await check("revokeKey", `/keys/${key.id}`);
  await check("getKey", `/keys/${key.id}`);
  await check("listKeys", "/keys");
  await check("listAuditRecords", "/audit?limit=500");
  await check("getStatus", "/status");
  await check("getMetrics", "/metrics");
  await check("getDocument", "/openapi.json");
  await check("getProblems", "/problems");
  await check("getStanding", `/terminals/${TERMINAL}/standing`);
  await check("removeObject", `/objects/${TERMINAL}`);
});

test("no call is left out, but those that need a Terminal, which control-listener.test.ts has", () => {
  const left = operations.map(({ id }) => id).filter((id) => !answered.has(id));
  expect(left.sort()).toEqual(["checkTerminal", "deleteAtTerminal"]);
});

test("a refusal is what the document says of problems", async () => {
  const problem = z.fromJSONSchema(schemas.Problem as Parameters<typeof z.fromJSONSchema>[0]);
  for (const path of ["/none", "/sites/none", "/sites?limit=x"]) {
    expect(problem.safeParse((await api.call("GET", path)).json).error?.issues).toBeUndefined();
  }
});
