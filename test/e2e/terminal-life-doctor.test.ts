import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { FakeRouter } from "../../packages/terminal/testing/fake-router.ts";
import { neson, start, temporaryDirectory, until } from "./network.ts";

// `neson terminal doctor` as a process: all well with a real Router, and each thing that is most often wrong.

interface Report {
  isRunning: boolean;
  findings: { name: string; state: string; text: string; remedy?: string }[];
}

let parts: AsyncDisposableStack;
let directory: string;
let dataDir: string;

beforeEach(async () => {
  parts = new AsyncDisposableStack();
  directory = parts.use(await temporaryDirectory()).path;
  dataDir = join(directory, "data");
});

afterEach(() => parts.disposeAsync());

async function doctor(...flags: string[]): Promise<{ code: number; report: Report; states: Record<string, string> }> {
  const args = ["--data", dataDir, "--listen-port", "0", "--quota", "1MB", ...flags];
  const { code, stdout, stderr } = await neson(["terminal", "doctor", "--json", ...args]);
  expect(stderr).toBe("");
  const report = JSON.parse(stdout) as Report;
  return { code, report, states: Object.fromEntries(report.findings.map(({ name, state }) => [name, state])) };
}

async function startRouter(): Promise<string> {
  const args = [
    "--data",
    join(directory, "router"),
    "--listen-port",
    "0",
    "--control-port",
    "0",
    "--allow-private-terminals",
  ];
  const running = parts.use(start(["router", "run", ...args], join(directory, "router.json")));
  return (await running.ready<{ controlUrl: string }>()).controlUrl;
}

/** A port of 127.0.0.1 that somebody else has. */
async function takenPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  parts.defer(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return String((server.address() as AddressInfo).port);
}

test("doctor finds everything well with a Router that reaches the Terminal, and leaves nothing running", async () => {
  const router = await startRouter();
  const { code, report, states } = await doctor("--router", router);
  expect(report.findings.filter(({ state }) => state === "fail")).toEqual([]);
  expect({ code, isRunning: report.isRunning }).toEqual({ code: 0, isRunning: false });
  expect(states).toMatchObject({ Router: "ok", clock: "ok", port: "ok", reachability: "ok", "link speed": "ok" });
  expect(existsSync(join(dataDir, "identity.key"))).toBe(true);
  expect(existsSync(join(dataDir, "panel.json"))).toBe(false);

  // The second time there is a directory to measure, and the Router grants no second measurement so soon.
  const again = await doctor("--router", router);
  expect(again.states).toMatchObject({ "data directory": "ok", reachability: "ok", "link speed": "skipped" });
  expect(again.states["disk speed"]).not.toBe("skipped");
}, 60_000);

test("doctor asks a running Terminal, and starts none beside it", async () => {
  const router = parts.use(new FakeRouter());
  const args = ["--data", dataDir, "--listen-port", "0", "--panel-port", "0", "--router", router.url];
  const running = parts.use(start(["terminal", "run", ...args], join(directory, "ready.json")));
  const { url } = await running.ready<{ url: string }>();
  await until("the Router has the Terminal in", () => router.isConnected);
  // Without --router: the running Terminal knows.
  const { code, report, states } = await doctor();
  expect({ code, isRunning: report.isRunning }).toEqual({ code: 0, isRunning: true });
  expect(states).toMatchObject({ Router: "ok", reachability: "ok", "link speed": "skipped" });
  expect(report.findings.find(({ name }) => name === "reachability")?.text).toContain(url);
  expect(router.connectionCount).toBe(1);
}, 60_000);

test("doctor says that the port is taken and the Router absent, how to mend both, and exits 1", async () => {
  const port = await takenPort();
  const flags = ["--data", dataDir, "--listen-port", port, "--router", "http://127.0.0.1:9"];
  const { code, stdout } = await neson(["terminal", "doctor", ...flags]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^FAIL Router +http:\/\/127\.0\.0\.1:9 does not answer/m);
  expect(stdout).toMatch(new RegExp(`^FAIL port +127\\.0\\.0\\.1:${port} cannot be listened on$`, "m"));
  expect(stdout).toMatch(/^ +-> Check this machine's network/m);
  expect(stdout).toMatch(/^- +reachability +not tried: mend "port" first$/m);
  expect(stdout).toEndWith("\n2 problems to mend\n");
  expect(stdout).not.toMatch(/[^\n\x20-\x7e]/);
  expect(existsSync(dataDir)).toBe(false);
}, 30_000);

test("doctor gives the Router's reason when it cannot reach the endpoint", async () => {
  const router = await startRouter();
  const endpoint = `http://127.0.0.1:${await takenPort()}`;
  const { code, report } = await doctor("--router", router, "--endpoint", endpoint);
  expect(code).toBe(1);
  expect(report.findings.find(({ name }) => name === "reachability")).toMatchObject({
    state: "fail",
    text: expect.stringContaining("unreachable-endpoint"),
    remedy: expect.stringContaining("firewall"),
  });
}, 60_000);

test("doctor --hardware shows what the Router is told, and makes nothing", async () => {
  const { code, stdout } = await neson(["terminal", "doctor", "--hardware", "--data", dataDir]);
  expect(code).toBe(0);
  expect(stdout).toContain(`system      ${process.platform}-${process.arch}`);
  expect(stdout).toMatch(/^ {2}disk {8}.+ free of .+$/m);
  expect(existsSync(dataDir)).toBe(false);
});
