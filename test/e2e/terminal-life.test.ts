import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { statusSchema } from "../../packages/terminal/panel/status.ts";
import { FakeRouter } from "../../packages/terminal/testing/fake-router.ts";
import { publish, seededBytes } from "../../packages/terminal/testing/objects.ts";
import { neson, ROOT, type Running, start, temporaryDirectory, until } from "./network.ts";

// The life of one Terminal as its operator leads it: run, status, quota, withdraw-storage, leave, each a process of its own.

const SIZE = 3_000_000;

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

async function run(flags: string[] = ["--router", router.url]): Promise<{ running: Running; url: string }> {
  const args = ["terminal", "run", "--data", dataDir, "--listen-port", "0", "--panel-port", "0", ...flags];
  const running = parts.use(start(args, join(directory, "ready.json")));
  const { url } = await running.ready<{ url: string }>();
  await until("the Router has the Terminal in", () => router.isConnected);
  return { running, url };
}

function terminal(command: string, ...more: string[]) {
  return neson(["terminal", command, "--data", dataDir, ...more]);
}

async function status() {
  return statusSchema.parse(JSON.parse((await terminal("status", "--json")).stdout));
}

test("a Terminal is run, looked at, given another quota, and made to leave", async () => {
  const { running, url } = await run(["--router", router.url, "--quota", "1GB"]);
  await router.store(publish(seededBytes(SIZE, 1)));

  const shown = await terminal("status");
  expect(shown).toMatchObject({ code: 0, stderr: "" });
  expect(shown.stdout).toContain(`connected to ${router.url}`);
  expect(shown.stdout).toContain(url);
  expect(shown.stdout).toContain("2.86 MiB of 954 MiB");
  expect(shown.stdout).not.toContain("\u001b");
  expect(shown.stdout).not.toContain("token");
  expect(shown.stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);

  const changed = await terminal("quota", "2GB");
  expect(changed).toMatchObject({ code: 0, stderr: "" });
  expect(changed.stdout).toContain("the quota is 1.86 GiB now; 2.86 MiB are used");
  expect((await status()).storage.quotaBytes).toBe(2e9);
  expect(existsSync(join(dataDir, "terminal.json"))).toBe(false);

  const left = await terminal("leave");
  expect(left).toMatchObject({ code: 0, stderr: "" });
  expect(left.stdout).toEndWith("it has left and ended\n");
  expect(await running.process.exited).toBe(0);
  expect(router.received.some(({ type }) => type === "leave")).toBe(true);
  expect(existsSync(join(dataDir, "panel.json"))).toBe(false);
}, 60_000);

test("leave waits for an open transfer and claims all of its bytes", async () => {
  const { url } = await run();
  const published = publish(seededBytes(SIZE * 10, 2));
  await router.store(published);
  const viewer = await fetch(url + router.path(published));
  const reader = (viewer.body as ReadableStream<Uint8Array>).getReader();
  let bytes = (await reader.read()).value?.length ?? 0;
  await until("the transfer shows", async () => (await status()).load.openTransfers === 1);

  const main = join(ROOT, "packages/cli/main.ts");
  const command = [process.execPath, main, "terminal", "leave", "--data", dataDir];
  const leaving = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  let said = "";
  const listening = leaving.stdout.pipeTo(
    new WritableStream({
      write: (block) => {
        said += new TextDecoder().decode(block);
      },
    }),
  );
  await until("leave says what it waits for", () => said.includes("waiting for 1 open transfer\n"));
  expect((await status()).isLeaving).toBe(true);
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    bytes += value.length;
  }
  expect(bytes).toBe(SIZE * 10);
  await listening;
  expect({ code: await leaving.exited, said }).toEqual({
    code: 0,
    said: expect.stringMatching(/it has left and ended\n$/),
  });
  const claimed = router.received.flatMap((message) => (message.type === "claims" ? message.claims : []));
  expect(Math.max(...claimed.map((claim) => claim.bytes))).toBe(SIZE * 10);
}, 60_000);

test("the settings of terminal.json hold, flags beat them, and quota is kept there", async () => {
  const settings = { router: router.url, quota: "300MB", memory: "32MiB" };
  await Bun.write(join(dataDir, "terminal.json"), JSON.stringify(settings));
  await run(["--memory", "16MiB"]);
  const { storage } = await status();
  expect(storage).toMatchObject({ quotaBytes: 300e6, memoryBudgetBytes: 16 * 2 ** 20 });
  const { stdout } = await terminal("quota", "400MB");
  expect(stdout).toContain(`saved in ${join(dataDir, "terminal.json")}`);
  expect(JSON.parse(await readFile(join(dataDir, "terminal.json"), "utf8"))).toEqual({ ...settings, quota: "400MB" });
}, 60_000);

test("withdraw-storage empties a running Terminal, which lends nothing until a quota is set again", async () => {
  await run();
  await router.store(publish(seededBytes(SIZE, 3)));
  expect((await status()).storage.objects).toBe(1);
  const { code, stdout, stderr } = await terminal("withdraw-storage", "--yes");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toStartWith("freed 2.86 MiB; nothing new is saved until you lend room again");
  const after = await status();
  expect(after.storage).toMatchObject({ objects: 0, usedBytes: 0, quotaBytes: 0, remainingBytes: 0 });
  expect(after.connection.isConnected).toBe(true);
  await terminal("quota", "300MB");
  await router.store(publish(seededBytes(SIZE, 3)));
  expect((await status()).storage.objects).toBe(1);
}, 60_000);

test("withdraw-storage empties a stopped Terminal, which comes back as who it was", async () => {
  const { running } = await run();
  await router.store(publish(seededBytes(SIZE, 4)));
  const { terminalId } = router;
  running.process.kill("SIGKILL");
  await running.process.exited;

  expect(await terminal("withdraw-storage")).toMatchObject({ code: 2, stderr: expect.stringContaining("--yes") });
  const { code, stdout, stderr } = await terminal("withdraw-storage", "--yes");
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "freed 2.86 MiB\n", stderr: "" });
  await until("the Router has noticed the end", () => !router.isConnected);
  await run();
  expect(router.terminalId).toBe(terminalId);
  expect((await status()).storage.objects).toBe(0);
}, 60_000);

test("without a running Terminal each command says so in one line", async () => {
  const line = `neson: no Terminal runs on ${dataDir}; start it with neson terminal run, or name its directory with --data\n`;
  expect(await terminal("status")).toEqual({ code: 1, stdout: "", stderr: line });
  expect(await terminal("leave")).toEqual({ code: 2, stdout: "", stderr: line });
  expect(await terminal("quota", "1GB")).toEqual({ code: 2, stdout: "", stderr: line });
  expect(await terminal("withdraw-storage", "--yes")).toMatchObject({ code: 0, stdout: "freed 0 bytes\n" });
  expect(existsSync(dataDir)).toBe(false);
  const bad = await terminal("quota", "some");
  expect(bad).toMatchObject({ code: 2, stderr: expect.stringContaining('found "some", allowed: a size like') });
}, 60_000);
