import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import http from "node:http";
import { dirname, join } from "node:path";
import { openAdminClient } from "../../packages/cli/admin-client.ts";
import { largeFileSha256 } from "../../packages/cli/demo/large-file.ts";
import { type Facts, isAlive, ROOT, Running, startNetwork, temporaryDirectory, until } from "./network.ts";
import { noise, sha256Of, startOrigin } from "./origin.ts";
import { processesNaming } from "./processes.ts";

const STOPS_WITHIN_MS = 5000;

function processIds({ pids }: Facts): number[] {
  return [pids.router, ...pids.terminals, ...(pids.origin === undefined ? [] : [pids.origin])];
}

function startUp(args: string[], readyFile: string): Running {
  const command = [process.execPath, join(ROOT, "packages/cli/main.ts"), "up", "--port", "0"];
  return new Running([...command, "--ready-file", readyFile, ...args], readyFile);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} stops every process within 5 s, open downloads or not, and removes the ready file`, async () => {
    await using network = await startNetwork();
    const { facts, up } = network;
    expect(new Set(facts.terminals.map((url) => new URL(url).hostname)).size).toBe(3);
    expect(processIds(facts).filter((pid) => !isAlive(pid))).toEqual([]);
    const large = new URL("download/large.bin", facts.site);
    await (await fetch(large)).bytes();
    const stalled = await openStalled((await fetch(large, { redirect: "manual" })).headers.get("location") ?? "");

    const startedMs = performance.now();
    up.process.kill(signal);
    expect(await up.process.exited).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(STOPS_WITHIN_MS);
    expect(processIds(facts).filter(isAlive)).toEqual([]);
    expect(existsSync(up.readyFile)).toBe(false);
    stalled.destroy();
  }, 60_000);
}

test("a signal while it still starts stops everything too", async () => {
  await using directory = await temporaryDirectory();
  await using up = startUp(["--data", join(directory.path, "data")], join(directory.path, "ready.json"));
  const logs = join(directory.path, "data/logs");
  await until("the first child", async () => (await readdir(logs).catch(() => [])).length > 0);
  up.process.kill("SIGTERM");
  expect(await up.process.exited).toBe(0);
  expect(await processesNaming(directory.path)).toEqual([]);
}, 30_000);

test("kill -9 of up leaves no orphan, and the next up takes the same data over", async () => {
  await using directory = await temporaryDirectory();
  const readyFile = join(directory.path, "ready.json");
  const args = ["--data", join(directory.path, "data"), "--terminals", "2"];
  await using first = startUp(args, readyFile);
  const facts = await first.ready<Facts>();
  first.process.kill("SIGKILL");
  await first.process.exited;
  await until("every child to end", () => !processIds(facts).some(isAlive), STOPS_WITHIN_MS);
  expect(await processesNaming(directory.path)).toEqual([]);

  // The ready file of the killed run is still there; the next run must not be taken for ready by it.
  expect(existsSync(readyFile)).toBe(true);
  await using second = startUp(args, readyFile);
  const again = await until("a new ready file", async () => {
    if (second.process.exitCode !== null) throw new Error(`up ended: ${second.output}`);
    const text = await readFile(readyFile, "utf8").catch(() => undefined);
    const found = text === undefined ? undefined : (JSON.parse(text) as Facts);
    return found !== undefined && found.pids.router !== facts.pids.router && found;
  });
  expect((await fetch(again.site)).status).toBe(200);
}, 60_000);

test("a second up on the same data is refused in one line", async () => {
  await using network = await startNetwork({ terminals: 1 });
  await using second = startUp(["--data", network.dataDir], join(dirname(network.dataDir), "second.json"));
  expect(await second.process.exited).toBe(2);
  await until("its line", () => second.output.endsWith("\n"));
  expect(second.output.trimEnd().split("\n")).toHaveLength(1);
  expect(second.output).toContain(network.dataDir);
  expect((await fetch(network.facts.site)).status).toBe(200);
}, 60_000);

test("a child that dies comes back at the same address, and the ready file tells its new process", async () => {
  await using network = await startNetwork({ terminals: 2 });
  const { facts, up } = network;
  process.kill(facts.pids.terminals[0] ?? 0, "SIGKILL");
  const after = await until("a new Terminal process", async () => {
    const found = await network.readFacts();
    return found.pids.terminals[0] !== facts.pids.terminals[0] && found;
  });
  expect({ ...after, pids: {} }).toEqual({ ...facts, pids: {} });
  expect(after.pids.router).toBe(facts.pids.router);
  await until("it to join again", async () => (await network.admin.status()).terminals.length === 2);
  expect(up.output.match(/Terminal 1 ended by itself/g)).toHaveLength(1);
}, 60_000);

test("the same data serves another origin when one is named", async () => {
  await using directory = await temporaryDirectory();
  await using origin = await startOrigin();
  const page = { bytes: noise(100, 1), headers: ["Content-Type", "text/html", "Cache-Control", "max-age=600"] };
  origin.files.set("/", page);
  const data = join(directory.path, "data");
  {
    await using demo = startUp(["--data", data, "--terminals", "1"], join(directory.path, "a.json"));
    const { site } = await demo.ready<Facts>();
    expect(await (await fetch(site)).text()).toContain("<title>");
  }
  await using own = startUp(
    ["--data", data, "--terminals", "1", "--origin", origin.url],
    join(directory.path, "b.json"),
  );
  const facts = await own.ready<Facts>();
  expect(facts.pids.origin).toBeUndefined();
  expect(Buffer.from(await (await fetch(facts.site)).bytes())).toEqual(Buffer.from(page.bytes));
  const sites = await (await openAdminClient(join(data, "router"))).sites();
  expect(sites.map((site) => site.origin)).toEqual([origin.url]);
}, 60_000);

test("the next run has the same addresses, and serves what the former stored", async () => {
  await using directory = await temporaryDirectory();
  const args = ["--data", join(directory.path, "data")];
  const large = "/download/large.bin";
  let former: Facts;
  {
    await using first = startUp(args, join(directory.path, "first.json"));
    former = await first.ready<Facts>();
    const { site } = former;
    await (await fetch(site + large)).bytes();
    await until("a redirect", async () => (await fetch(site + large, { redirect: "manual" })).status === 307);
  }
  await using second = startUp(args, join(directory.path, "second.json"));
  const facts = await second.ready<Facts>();
  expect(facts.terminals).toEqual(former.terminals);
  expect(facts.router).toBe(former.router);
  expect((await fetch(facts.site + large, { redirect: "manual" })).status).toBe(307);
  // Terminals serve what they stored once they have checked it.
  await until("a Terminal to send it", async () => {
    const answer = await fetch(facts.site + large);
    expect(sha256Of(await answer.bytes())).toBe(largeFileSha256());
    return facts.terminals.includes(new URL(answer.url).origin);
  });
}, 60_000);

/** A download whose reader takes the first bytes and then nothing more. */
function openStalled(url: string): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false }, (answer) => {
      answer.on("error", () => {});
      answer.once("readable", () => resolve(answer));
    });
    request.on("error", reject);
  });
}
