import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { silentLog } from "@neson/kit/log";
import { until } from "../testing/until.ts";
import { servePanel } from "./serve-panel.ts";
import { panelFileSchema, statusSchema } from "./status.ts";
import { realisticSources } from "./testing/realistic-sources.ts";
import { startPanel } from "./testing/start-panel.ts";

function post(url: string, token: string, body: unknown, headers: Record<string, string> = {}) {
  const given = { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...headers };
  return fetch(url, { method: "POST", headers: given, body: typeof body === "string" ? body : JSON.stringify(body) });
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

test("servePanel() answers /api/status as its schema says", async () => {
  await using started = await startPanel({ certificate: () => ({ expiresAtMs: Date.now() + 1e10 }) });
  const response = await fetch(`${started.panel.url}/api/status`);
  expect(response.headers.get("content-type")).toContain("application/json");
  const answer = await response.json();
  const status = statusSchema.parse(answer);
  expect(status).toEqual(answer as typeof status);
  expect(status.traffic.recent.bytes).toHaveLength(600);
  expect(status.popular[0]?.requestCount).toBe(48_000);
  expect(status.warnings.map(({ code }) => code)).toEqual(["track-offline"]);
});

test("servePanel() leaves out of the status what is not known", async () => {
  await using started = await startPanel({ standing: () => undefined });
  const status = statusSchema.parse(await (await fetch(`${started.panel.url}/api/status`)).json());
  expect(Object.keys(status)).not.toContain("standing");
  expect(Object.keys(status)).not.toContain("release");
  expect(status.isLeaving).toBe(false);
});

test("servePanel() looks for the most popular objects at most every five seconds", async () => {
  let reads = 0;
  await using started = await startPanel({
    popular: () => {
      reads++;
      return [];
    },
  });
  for (let i = 0; i < 5; i++) await fetch(`${started.panel.url}/api/status`);
  await fetch(`${started.panel.url}/metrics`);
  expect(reads).toBe(1);
});

test("servePanel() lets the page run its own script and style, and nothing else", async () => {
  await using started = await startPanel();
  const response = await fetch(started.panel.url);
  const html = await response.text();
  const policy = response.headers.get("content-security-policy") ?? "";
  for (const [name, pattern] of [
    ["script-src", /<script>([\s\S]*?)<\/script>/],
    ["style-src", /<style>([\s\S]*?)<\/style>/],
  ] as const) {
    const content = pattern.exec(html)?.[1] ?? "";
    expect(content.length).toBeGreaterThan(1000);
    expect(policy).toContain(`${name} 'sha256-${createHash("sha256").update(content).digest("base64")}'`);
  }
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(html).not.toMatch(/(src|href)="?https?:/);
  expect(html).not.toMatch(/\bstyle="|\son\w+="/);
});

test("servePanel() writes the status into the page so that nothing in it can end its element", async () => {
  const site = "</script><script>alert(1)</script>";
  const object = { objectId: "0".repeat(64), size: 1, site, requestCount: 1, lastUsedAtMs: 1, state: "whole" as const };
  await using started = await startPanel({ popular: () => [object] });
  const html = await (await fetch(started.panel.url)).text();
  const json = /<script type="application\/json" id="status">([\s\S]*?)<\/script>/.exec(html)?.[1] ?? "";
  expect(statusSchema.parse(JSON.parse(json)).popular[0]?.site).toBe(site);
});

test("servePanel() sends with every answer what keeps other pages out", async () => {
  await using started = await startPanel();
  const { url, token } = started.panel;
  const answers = [await fetch(url), await fetch(`${url}/api/status`), await fetch(`${url}/nothing`)];
  answers.push(await fetch(`${url}/metrics`), await post(`${url}/api/quota`, token, { bytes: 1 }));
  for (const { headers } of answers) {
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  }
});

test("servePanel() answers only to loopback names", async () => {
  await using started = await startPanel();
  const { url, token } = started.panel;
  const { port } = new URL(url);
  const ask = (host: string) => fetch(`${url}/api/status`, { headers: { Host: host } });
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:9999`, "[::1]:1", "127.0.0.53"]) {
    expect((await ask(host)).status).toBe(200);
  }
  for (const host of ["rebound.example.com", `rebound.example.com:${port}`, "127.0.0.1.example.com", "0.0.0.0"]) {
    expect((await ask(host)).status).toBe(421);
  }
  const call = await post(`${url}/api/leave`, token, {}, { Host: "rebound.example.com" });
  expect(call.status).toBe(421);
  expect(started.calls).toEqual([]);
});

test("servePanel() refuses to listen where others could reach it", async () => {
  const sources = realisticSources(systemClock.nowMs);
  const actions = {
    leave: async () => {},
    setQuota() {},
    consentToUpdate() {},
    withdrawStorage: async () => ({ freedBytes: 0 }),
  };
  const options = { hostname: "0.0.0.0", port: 0, dataDir: "/nowhere" };
  const starting = servePanel(options, { sources, actions, clock: systemClock, log: silentLog });
  await expect(starting).rejects.toMatchObject({ code: "not-loopback" });
});

test("servePanel() says which option to change when its port is taken", async () => {
  await using started = await startPanel();
  const port = Number(new URL(started.panel.url).port);
  const sources = realisticSources(systemClock.nowMs);
  const actions = {
    leave: async () => {},
    setQuota() {},
    consentToUpdate() {},
    withdrawStorage: async () => ({ freedBytes: 0 }),
  };
  const options = { hostname: "127.0.0.1", port, dataDir: started.dataDir };
  const starting = servePanel(options, { sources, actions, clock: systemClock, log: silentLog });
  await expect(starting).rejects.toMatchObject({ code: "port-in-use", fault: "operator" });
  await expect(starting).rejects.toThrow("--panel-port");
});

test("servePanel() tells its own user where it is and how to speak to it, until it stops", async () => {
  const started = await startPanel();
  const path = join(started.dataDir, "panel.json");
  const file = panelFileSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  expect(file).toEqual({ url: started.panel.url, token: started.panel.token });
  if (process.platform !== "win32") expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(started.panel.link).toBe(`${file.url}/#token=${file.token}`);
  await started.panel[Symbol.asyncDispose]();
  expect(existsSync(path)).toBe(false);
  await expect(fetch(file.url)).rejects.toThrow();
  await started[Symbol.asyncDispose]();
});

test("a call of the panel does what it says", async () => {
  await using started = await startPanel();
  const { url, token } = started.panel;
  expect(await (await post(`${url}/api/quota`, token, { bytes: 5 })).json()).toEqual({});
  expect(await (await post(`${url}/api/update`, token, { version: "1.2.3" })).json()).toEqual({});
  expect(await (await post(`${url}/api/withdraw-storage`, token, {})).json()).toEqual({ freedBytes: 123 });
  expect(
    await (await post(`${url}/api/leave`, token, {}, { "Content-Type": "application/json; charset=utf-8" })).json(),
  ).toEqual({});
  expect(started.calls).toEqual(["quota 5", "update 1.2.3", "withdraw-storage", "leave"]);
});

test("a call of the panel without the right token does nothing", async () => {
  await using started = await startPanel();
  const { url, token } = started.panel;
  for (const given of ["", token.slice(1), `${token}x`, "x".repeat(token.length)]) {
    const response = await post(`${url}/api/leave`, given, {});
    expect(response.status).toBe(401);
    expect(await codeOf(response)).toBe("unauthorised");
  }
  const without = await fetch(`${url}/api/leave`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
  expect(without.status).toBe(401);
  expect(started.calls).toEqual([]);
});

test("a call of the panel with a body that is not allowed does nothing, and says why", async () => {
  await using started = await startPanel();
  const { url, token } = started.panel;
  const cases: [string, unknown, string, Record<string, string>?][] = [
    ["quota", { bytes: -1 }, "bad-body"],
    ["quota", { bytes: 1.5 }, "bad-body"],
    ["quota", { bytes: 1, more: 2 }, "bad-body"],
    ["quota", "[]", "bad-body"],
    ["quota", "null", "bad-body"],
    ["quota", "{", "not-json"],
    ["quota", "", "not-json"],
    ["leave", { now: true }, "bad-body"],
    ["update", { version: "newest" }, "bad-body"],
    ["quota", { bytes: 1 }, "not-json", { "Content-Type": "text/plain" }],
    ["quota", { bytes: 1 }, "not-json", { "Content-Type": "application/x-www-form-urlencoded" }],
    ["quota", `{"bytes":1${" ".repeat(5000)}}`, "body-too-long"],
    ["eat", {}, "no-such-call"],
  ];
  for (const [name, body, code, headers] of cases) {
    const response = await post(`${url}/api/${name}`, token, body, headers);
    expect([name, response.status, await codeOf(response)]).toEqual([name, 400, code]);
  }
  const endless = await post(`${url}/api/quota`, token, `{"bytes":1${" ".repeat(100_000)}}`);
  expect(endless.status).toBe(413);
  expect(started.calls).toEqual([]);
});

test("a call of the panel that fails is told with the reason", async () => {
  const refusal = new NesonError("quota-too-small", "quota: found 1 byte, allowed: 1 GiB", { fault: "operator" });
  await using started = await startPanel(
    {},
    {
      setQuota: () => {
        throw refusal;
      },
      withdrawStorage: () => Promise.reject(new Error("the index is locked")),
    },
  );
  const { url, token } = started.panel;
  const response = await post(`${url}/api/quota`, token, { bytes: 1 });
  expect([response.status, await response.json()]).toEqual([
    503,
    { error: { code: "quota-too-small", message: refusal.message } },
  ]);
  const failed = await post(`${url}/api/withdraw-storage`, token, {});
  expect([failed.status, await codeOf(failed)]).toEqual([500, "internal"]);
});

test("leaving shows in the status while it lasts, is answered at its end, and before the panel stops", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const started = await startPanel({}, { leave: () => promise });
  const { url, token } = started.panel;
  const isLeaving = async () => statusSchema.parse(await (await fetch(`${url}/api/status`)).json()).isLeaving;
  expect(await isLeaving()).toBe(false);
  const answered = post(`${url}/api/leave`, token, {});
  await until("the status to say so", isLeaving);
  resolve();
  const stopped = started[Symbol.asyncDispose]();
  expect(await (await answered).json()).toEqual({});
  await stopped;
});

test("the panel says what it has to a wrong path or method", async () => {
  await using started = await startPanel();
  const { url } = started.panel;
  expect((await fetch(`${url}/api/leave`)).status).toBe(404);
  const wrong = await fetch(`${url}/api/status`, { method: "PUT" });
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  const head = await fetch(url, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});
