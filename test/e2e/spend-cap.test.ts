import { afterAll, beforeAll, expect, test } from "bun:test";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { readAdminFile } from "../../packages/cli/admin-file.ts";
import { type ApiClient, openApi } from "../../packages/cli/api-client.ts";
import { webhookFields } from "../../packages/router/spend/webhook.ts";
import { neson, startNetwork, type TestNetwork, until } from "./network.ts";
import { noise, startOrigin, type TestOrigin } from "./origin.ts";

// A network of real processes: what is counted is what was sent, and a spend cap holds, across kill -9 of the Router too.

const SIZE = 300_000;
/** The prices are the defaults: 0.005 by Terminals and 0.01 by the Router, for 10^9 bytes. */
const MICROS_OF_TERMINAL = 1.5;
const MICROS_OF_ROUTER = 3;

const parts = new AsyncDisposableStack();
let origin: TestOrigin;
let network: TestNetwork;
let site: string;
let path: string;
const sent = { router: 0, terminals: 0, requests: 0 };
const received: { headers: IncomingHttpHeaders; body: string }[] = [];

beforeAll(async () => {
  origin = parts.use(await startOrigin());
  const headers = ["Content-Type", "video/mp4", "Cache-Control", "public, max-age=600"];
  origin.files.set("/a.mp4", { bytes: noise(SIZE, 1), headers });
  network = parts.use(await startNetwork({ origin: origin.url, terminals: 1 }));
  site = network.facts.site;
  path = `/sites/${(await network.admin.sites())[0]?.name}`;
}, 90_000);

afterAll(() => parts.disposeAsync());

/** Opened anew: the token is another after each start of the Router. */
async function api(): Promise<ApiClient> {
  return openApi(await readAdminFile(join(network.dataDir, "router")));
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shapes they state themselves.
async function get(below: string): Promise<any> {
  return await (await api()).call("GET", `${path}${below}`);
}

/** Downloads the file as viewers do; the status of the Router's own answer. */
async function download(): Promise<number> {
  const answer = await fetch(new URL("/a.mp4", site), { redirect: "manual" });
  sent.requests += 1;
  const location = answer.headers.get("location");
  const { byteLength } = await (location === null ? answer : await fetch(location)).arrayBuffer();
  if (answer.status === 200 || answer.status === 307) expect(byteLength).toBe(SIZE);
  sent[answer.status === 307 ? "terminals" : "router"] += byteLength;
  return answer.status;
}

async function killRouter(): Promise<void> {
  const former = network.facts.pids.router;
  process.kill(former, "SIGKILL");
  const facts = await until("another Router", async () => {
    const now = await network.readFacts();
    return now.pids.router !== former && now;
  });
  network.facts = facts;
  await until("answers", () =>
    fetch(site).then(
      () => true,
      () => undefined,
    ),
  );
}

test("usage and figures are the bytes that viewers got, whoever sent them", async () => {
  await until("a Terminal that holds the file", async () => (await download()) === 307);
  for (let i = 0; i < 3; i++) await download();
  const usage = await until("all of it written down", async () => {
    const found = await get("/usage");
    return found.routerBytes + found.terminalBytes === sent.router + sent.terminals && found;
  });
  expect(usage).toMatchObject({ routerBytes: sent.router, terminalBytes: sent.terminals, state: "open" });
  expect(usage.days).toEqual([expect.objectContaining({ routerBytes: sent.router, terminalBytes: sent.terminals })]);
  expect(usage.requests).toBe(sent.requests);
  const { stdout } = await neson([
    ...["site", "stats", path.slice("/sites/".length), "--by", "sender", "--step", "day", "--csv"],
    ...["--data", join(network.dataDir, "router")],
  ]);
  const [heading, ...lines] = stdout.split("\r\n");
  expect(heading).toBe("at,sender,requests,bytes");
  const rows = lines.filter((line) => line !== "").map((line) => line.split(","));
  expect(rows.map(([, sender, , bytes]) => [sender, Number(bytes)])).toEqual([
    ["router", sent.router],
    ["terminals", sent.terminals],
  ]);
}, 60_000);

test("the live log shows requests while they flow, and only those that were asked for", async () => {
  const stop = new AbortController();
  const open = async (query: Record<string, string>) => {
    const answer = await (await api()).stream(`${path}/logs`, { query, signal: stop.signal });
    const decoder = new TextDecoder();
    const seen = { text: "" };
    void (async () => {
      for await (const block of answer.body ?? []) seen.text += decoder.decode(block, { stream: true });
    })().catch(() => {});
    await until("the first heartbeat", () => seen.text.includes("heartbeat"));
    return () => [...seen.text.matchAll(/^{"type":"request".*$/gm)].map(([line]) => JSON.parse(line).request);
  };
  const [all, missing] = [await open({}), await open({ status: "4xx", path: "/missing" })];
  for (let i = 0; i < 5; i++) {
    await download();
    await (await fetch(new URL(`/missing/${i}`, site))).arrayBuffer();
    sent.requests += 1;
  }
  const requests = await until("ten requests", () => all().length === 10 && all());
  expect(requests.filter(({ status }) => status === 404).map(({ target }) => target)).toEqual(
    [0, 1, 2, 3, 4].map((i) => `/missing/${i}`),
  );
  for (const request of requests) {
    expect(request.clientNetwork).toBe("127.0.0.0/24");
    expect(request.steps.length).toBeGreaterThan(0);
  }
  const steered = requests.find(({ status }) => status === 307);
  expect(steered).toMatchObject({ steps: ["plan: hit, fresh", "steer: to a Terminal"], terminal: expect.any(String) });
  expect((await until("five of them", () => missing().length === 5 && missing())).length).toBe(5);
  stop.abort();
}, 60_000);

test("a hard cap closes the site within a minute, and stays across kill -9", async () => {
  const receiver = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    received.push({ headers: request.headers, body });
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  parts.defer(() => new Promise((resolve) => receiver.close(() => resolve())));
  const { secret } = (await (await api()).call("POST", `${path}/webhook-secret`)) as { secret: string };
  const spentMicros = Math.round(Number((await get("/usage")).price) * 1e6);
  const capMicros = spentMicros + 10 * MICROS_OF_TERMINAL;
  const webhook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  const cap = { amount: (capMicros / 1e6).toFixed(6), atLimit: "router-only" };
  await (await api()).call("PATCH", `${path}/spend`, { body: { cap, alertPercents: [100], webhook } });

  let reachedAt: number | undefined;
  let after = 0;
  for (let micros = spentMicros; ; ) {
    const status = await download();
    micros += status === 307 ? MICROS_OF_TERMINAL : MICROS_OF_ROUTER;
    if (micros >= capMicros) reachedAt ??= performance.now();
    // While everything is well the Router answers for itself now and then; the reason tells these from the cap.
    if (status === 200 && (await get("/usage")).state === "router-only") break;
    if (reachedAt !== undefined) after = performance.now() - reachedAt;
    expect(after).toBeLessThan(60_000);
    await Bun.sleep(after > 0 ? 200 : 0);
  }
  for (let i = 0; i < 10; i++) expect(await download()).toBe(200);
  expect(await get("/usage")).toMatchObject({ state: "router-only", cost: (await get("/usage")).cap });
  await killRouter();
  for (let i = 0; i < 5; i++) expect(await download()).toBe(200);
  expect((await get("/usage")).state).toBe("router-only");

  await (await api()).call("PATCH", `${path}/spend`, { body: { cap: { atLimit: "stop" } } });
  const refused = await fetch(new URL("/a.mp4", site));
  expect([refused.status, await refused.text()]).toEqual([509, expect.stringContaining("limit for the month")]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  await killRouter();
  expect((await fetch(new URL("/a.mp4", site))).status).toBe(509);

  await until("the alert", () => received.length > 0);
  const [message] = received;
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature } = message?.headers ?? {};
  const body = message?.body ?? "";
  const expected = webhookFields({ id: String(id), atSeconds: Number(at), body }, [secret])["webhook-signature"];
  expect(String(signature).split(" ")).toContain(expected ?? "");
  expect(JSON.parse(body).data).toMatchObject({ percent: 100, atLimit: "router-only" });

  await (await api()).call("PATCH", `${path}/spend`, { body: { cap: null } });
  await until("a site that is open again", async () => (await download()) !== 509);
  expect(received.length).toBe(1);
  expect((await get("/alerts")).alerts).toEqual([expect.objectContaining({ percent: 100, attempts: 1 })]);
}, 180_000);
