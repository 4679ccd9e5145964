import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOptions } from "@neson/kit/config";
import { routerOptions } from "@neson/router/config";
import { startRouter } from "@neson/router/router";
import { readAdminFile } from "../../packages/cli/admin-file.ts";
import { startOrigin } from "../e2e/origin.ts";
import { needs } from "../needs.ts";
import { startPostgres } from "../services/postgres.ts";
import { createDatabase } from "./databases.ts";

const FRESH = ["Content-Type", "text/html", "Cache-Control", "max-age=3600"];

async function startStage() {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await startPostgres());
  const origin = parts.use(await startOrigin());
  const dataDir = await mkdtemp(join(tmpdir(), "neson-outage-"));
  parts.defer(() => rm(dataDir, { recursive: true }));
  const databaseUrl = await createDatabase(server);
  const flags = {
    data: dataDir,
    listenPort: "0",
    controlPort: "0",
    maxRequestsPerSecond: "1000000",
    logLevel: "fatal",
  };
  const config = readOptions(routerOptions, { flags, env: { DATABASE_URL: databaseUrl } });
  const router = parts.use(await startRouter(config));
  const admin = await readAdminFile(dataDir);
  const { url } = router.ready as { url: string };
  const running = parts.move();
  return {
    ...{ server, origin },
    get: (path: string, init: RequestInit = {}) =>
      fetch(`${url}${path}`, { ...init, headers: { Host: "shop.test", ...init.headers } }),
    api: (method: string, path: string, body?: unknown) =>
      fetch(`${admin.url}/api/v1${path}`, {
        method,
        headers: { Authorization: `Bearer ${admin.key}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited for ${what} in vain`);
    await Bun.sleep(50);
  }
}

test.skipIf(!needs("postgres"))(
  "a Router whose PostgreSQL is restarted under load serves all the while, refuses calls with 503, and recovers by itself",
  async () => {
    await using stage = await startStage();
    const { server, origin, get, api } = stage;
    for (let i = 0; i < 400; i++) {
      origin.files.set(`/${i}`, { bytes: Buffer.from(`page ${i}\n`.repeat(50)), headers: FRESH });
    }
    const site = { name: "shop", hosts: ["shop.test"], origin: origin.url, allowPrivateOrigin: true };
    expect((await api("PUT", "/sites/shop", site)).status).toBe(201);
    for (let i = 0; i < 50; i++) expect((await get(`/${i}`)).status).toBe(200);

    const stopping = new AbortController();
    const answers: { status: number; right: boolean; path: string; hit: boolean }[] = [];
    const viewers = Array.from({ length: 6 }, async (_, viewer) => {
      for (let n = viewer; !stopping.signal.aborted; n += 7) {
        const path = `/${n % 400}`;
        const answer = await get(path);
        const right = (await answer.text()) === `page ${n % 400}\n`.repeat(50);
        const hit = /; hit/.test(answer.headers.get("cache-status") ?? "");
        answers.push({ status: answer.status, right, path, hit });
      }
    });
    await server.stop();
    const before = answers.length;
    await until("enough answers without a database", async () => answers.length > before + 600);
    const pulled = origin.requests.length;
    for (let i = 0; i < 50; i++) {
      const answer = await get(`/${i}`);
      expect([answer.status, answer.headers.get("cache-status")]).toEqual([200, expect.stringContaining("; hit")]);
    }
    // What came in meanwhile is answered from memory as well: each page was pulled about once.
    expect(pulled).toBeLessThan(900);

    for (const [method, path, body] of [
      ["PUT", "/sites/other", { ...site, name: "other", hosts: ["other.test"] }],
      ["POST", "/keys", { name: "x", scopes: ["sites:read"] }],
      ["GET", "/keys", undefined],
    ] as const) {
      const refused = await api(method, path, body);
      expect([refused.status, refused.headers.get("content-type")]).toEqual([503, "application/problem+json"]);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await refused.json()).toMatchObject({ code: "database-unavailable", status: 503 });
    }
    await server.start();
    await until("calls to be answered again", async () => (await api("GET", "/keys")).status === 200);
    expect((await api("PUT", "/sites/other", { ...site, name: "other", hosts: ["other.test"] })).status).toBe(201);
    stopping.abort();
    await Promise.all(viewers);
    expect(answers.filter(({ status, right }) => status !== 200 || !right)).toEqual([]);
    expect(answers.length).toBeGreaterThan(600);
  },
  120_000,
);

test.skipIf(!needs("postgres"))(
  "what an unsafe method invalidated while PostgreSQL was away does not come back with it",
  async () => {
    await using stage = await startStage();
    const { server, origin, get, api } = stage;
    origin.files.set("/item", { bytes: Buffer.from("old\n"), headers: FRESH });
    const site = { name: "shop", hosts: ["shop.test"], origin: origin.url, allowPrivateOrigin: true };
    await api("PUT", "/sites/shop", site);
    expect(await (await get("/item")).text()).toBe("old\n");
    await server.stop();
    expect((await get("/item", { method: "POST", body: "x" })).status).toBe(200);
    origin.files.set("/item", { bytes: Buffer.from("new\n"), headers: FRESH });
    expect(await (await get("/item")).text()).toBe("new\n");
    await server.start();
    await until("calls to be answered again", async () => (await api("GET", "/keys")).status === 200);
    expect(await (await get("/item")).text()).toBe("new\n");
  },
  60_000,
);
