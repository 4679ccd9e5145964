import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../packages/cli/up/hosts.ts";
import { FakeRouter } from "../../packages/terminal/testing/fake-router.ts";
import { neson, ROOT, start, temporaryDirectory, until } from "./network.ts";

// The first `neson terminal run` in a terminal window, its questions answered by keystrokes, and the same without anybody to ask.

let parts: AsyncDisposableStack;
let directory: string;
let dataDir: string;
let router: FakeRouter;

beforeEach(async () => {
  parts = new AsyncDisposableStack();
  directory = parts.use(await temporaryDirectory()).path;
  dataDir = join(directory, "data");
  router = parts.use(new FakeRouter());
});

afterEach(() => parts.disposeAsync());

/** A command in a terminal window of its own. */
function openWindow(args: string[]) {
  let screen = "";
  const child = Bun.spawn([process.execPath, join(ROOT, "packages/cli/main.ts"), ...args], {
    env: { ...process.env, TERM: "xterm-256color", LANG: "C.UTF-8", LC_ALL: "C.UTF-8", NO_COLOR: "" },
    terminal: {
      cols: 100,
      rows: 40,
      data: (_terminal, bytes) => {
        screen += new TextDecoder().decode(bytes);
      },
    },
  });
  const { terminal } = child;
  if (terminal === undefined) throw new Error("no terminal window");
  parts.defer(async () => {
    child.kill("SIGKILL");
    await child.exited;
    terminal.close();
  });
  return {
    child,
    screen: () => screen,
    type: (text: string) => terminal.write(text),
    shows: (text: string) => until(`"${text}" on the screen, which shows: ${screen}`, () => screen.includes(text)),
  };
}

test.skipIf(process.platform === "win32")(
  "the first run in a window asks three things, serves, and asks never again",
  async () => {
    const port = String(await freePort("127.0.0.1", 0));
    const args = [
      "terminal",
      "run",
      "--data",
      dataDir,
      "--listen-port",
      port,
      "--panel-port",
      "0",
      "--log-level",
      "silent",
    ];
    const window = openWindow(args);
    await window.shows("URL of the Router [http://127.0.0.1:8081] ");
    expect(window.screen()).toContain("This machine, as the Router will be told:");
    window.type("not a URL\r");
    await window.shows("allowed: an http or https URL");
    window.type(`${router.url}\r`);
    await window.shows("Disk space to lend [");
    window.type("250MB\r");
    await window.shows(`Public URL of this machine [http://127.0.0.1:${port}] `);
    expect(existsSync(join(dataDir, "terminal.json"))).toBe(false);
    window.type("\r");
    await until("the Router has the Terminal in", () => router.isConnected);
    const file = join(dataDir, "terminal.json");
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({
      router: router.url,
      quota: "250MB",
      endpoint: `http://127.0.0.1:${port}`,
      "listen-host": "127.0.0.1",
      "listen-port": port,
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);

    const status = openWindow(["terminal", "status", "--data", dataDir]);
    expect(await status.child.exited).toBe(0);
    expect(status.screen()).toContain("\u001b[32mconnected to\u001b[0m");
    expect(status.screen()).toContain("238 MiB");
    expect(status.screen()).toContain("░".repeat(30));
    expect(status.screen()).toContain("/#token=");

    // Ctrl-C.
    window.type("\u0003");
    expect(await window.child.exited).toBe(0);

    const again = openWindow(["terminal", "run", "--data", dataDir, "--panel-port", "0", "--log-level", "silent"]);
    await until("the Router has the Terminal in again", () => router.connectionCount === 2 && router.isConnected);
    expect(again.screen()).not.toContain("URL of the Router");
  },
  60_000,
);

test.skipIf(process.platform === "win32")(
  "Ctrl-C instead of an answer ends the first run and saves nothing",
  async () => {
    const window = openWindow(["terminal", "run", "--data", dataDir]);
    await window.shows("URL of the Router");
    window.type("\u0003");
    expect(await window.child.exited).not.toBe(0);
    expect(existsSync(join(dataDir, "terminal.json"))).toBe(false);
  },
  30_000,
);

test("--yes takes what would be proposed beside what the flags say, and saves it for the next start", async () => {
  const args = ["terminal", "run", "--data", dataDir, "--panel-port", "0", "--listen-port", "0"];
  const given = ["--router", router.url, "--quota", "100MB", "--endpoint", "http://127.0.0.1:7777", "--yes"];
  const running = parts.use(start([...args, ...given], join(directory, "ready.json")));
  expect(await running.ready<{ url: string }>()).toMatchObject({ url: "http://127.0.0.1:7777" });
  const saved = JSON.parse(await readFile(join(dataDir, "terminal.json"), "utf8"));
  expect(saved).toMatchObject({ router: router.url, quota: "100MB", endpoint: "http://127.0.0.1:7777" });
}, 30_000);

test("without a window nothing is asked and nothing saved, and a damaged file is named", async () => {
  const args = ["terminal", "run", "--data", dataDir, "--panel-port", "0", "--listen-port", "0"];
  const running = parts.use(start(args, join(directory, "ready.json")));
  await running.ready();
  expect(running.output).not.toContain("URL of the Router");
  expect(existsSync(join(dataDir, "terminal.json"))).toBe(false);

  const file = join(directory, "other", "terminal.json");
  await Bun.write(file, '{"quota": "lots"}');
  expect(await neson(["terminal", "run", "--data", join(directory, "other")])).toEqual({
    code: 2,
    stdout: "",
    stderr: `neson: settings ${file}: quota: found "lots", allowed: a size like "512MiB", "10GB" or a number of bytes\n`,
  });
}, 30_000);
