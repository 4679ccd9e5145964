import { afterEach, beforeEach, expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { Hardware } from "@neson/protocol/hardware";
import { temporaryDirectory } from "@neson/terminal/testing/temporary";
import { firstRun } from "./first-run.ts";
import { readSettings } from "./settings-file.ts";

const HARDWARE: Hardware = {
  platform: "linux-x64",
  cpuModel: "A CPU",
  cpuCores: 4,
  memoryBytes: 8 * 2 ** 30,
  disk: { kind: "ssd", totalBytes: 1e12, freeBytes: 430e9 },
  linkBitsPerSecond: 1e9,
  isSmall: false,
};

let directory: ReturnType<typeof temporaryDirectory>;
let dataDir: string;

beforeEach(() => {
  directory = temporaryDirectory();
  dataDir = join(directory.path, "data");
});

afterEach(() => directory[Symbol.dispose]());

/** Runs it with a person who types these lines and then ends the input; `undefined` for nobody. */
async function run(lines: string[] | undefined, flags: Record<string, unknown> = {}, env: Record<string, string> = {}) {
  const input = new PassThrough();
  const output = new PassThrough();
  let asked = "";
  output.on("data", (block) => {
    asked += String(block);
  });
  input.end((lines ?? []).map((line) => `${line}\n`).join(""));
  const said: string[] = [];
  const settings = await firstRun(
    { flags: { data: dataDir, ...flags }, env },
    {
      desk: lines === undefined ? undefined : { input, output },
      say: (line) => void said.push(line),
      detectHardware: async () => HARDWARE,
      addresses: ["10.0.0.7", "93.184.215.14"],
      hostname: "attic",
    },
  );
  await new Promise((resolve) => output.end(resolve));
  return { settings, asked, said };
}

test("firstRun() shows the machine, asks three things, and saves the answers for the owner only", async () => {
  const { settings, asked, said } = await run(["http://router.example:8081/", "300 GB", "https://t.example.net:9000"]);
  expect(settings).toEqual({
    router: "http://router.example:8081",
    quota: "300 GB",
    endpoint: "https://t.example.net:9000",
    "listen-host": "0.0.0.0",
  });
  expect(await readSettings(dataDir)).toEqual(settings);
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  expect(said.join("\n")).toContain("A CPU, 4 cores");
  expect(said.join("\n")).toContain("1 Gbit/s");
  expect(asked).toContain("URL of the Router [http://127.0.0.1:8081]");
  expect(asked).toContain("Disk space to lend [200GB]");
  expect(asked).toContain("Public URL of this machine [http://93.184.215.14:8090]");
});

test("firstRun() takes empty answers for the proposals", async () => {
  const { settings } = await run(["", "", ""]);
  expect(settings).toEqual({
    router: "http://127.0.0.1:8081",
    quota: "200GB",
    endpoint: "http://127.0.0.1:8090",
    "listen-host": "127.0.0.1",
  });
});

test("firstRun() asks again with the reason after an answer that is not allowed", async () => {
  const { settings, asked } = await run(["router", "http://r.example", "lots", "1TB", "t.example", ""]);
  expect(settings).toMatchObject({ router: "http://r.example", quota: "1TB", endpoint: "http://93.184.215.14:8090" });
  expect(asked).toContain('found "router", allowed: an http or https URL');
  expect(asked).toContain('found "lots", allowed: a size like');
});

test("firstRun() asks only what neither flags nor the environment give", async () => {
  const flags = { quota: "5GB", listenPort: "9000" };
  const { settings, asked } = await run([""], flags, { NESON_TERMINAL_ROUTER: "http://r.example" });
  expect(settings).toEqual({
    router: "http://r.example",
    quota: "5GB",
    endpoint: "http://93.184.215.14:9000",
    "listen-host": "0.0.0.0",
    "listen-port": "9000",
  });
  expect(asked).not.toContain("Router");
  expect(asked).not.toContain("Disk");
});

test("firstRun() without anybody to ask takes what it would propose", async () => {
  const { settings } = await run(undefined, { router: "http://r.example" });
  expect(settings).toMatchObject({ router: "http://r.example", quota: "200GB", endpoint: "http://93.184.215.14:8090" });
});

test("firstRun() names no endpoint where the port is any free one", async () => {
  const { settings } = await run(["", ""], { listenPort: "0" });
  expect(settings).toEqual({ router: "http://127.0.0.1:8081", quota: "200GB", "listen-port": "0" });
});

test.each([
  [["http://r.example"], "the end of the input"],
  [Array.from({ length: 12 }, () => "nonsense"), "10 answers that are not allowed"],
])("firstRun() gives up, and saves nothing, when the answers do not come (%#)", async (lines, found) => {
  const expected = { code: "not-answered", message: expect.stringContaining(found) };
  await expect(run(lines)).rejects.toMatchObject(expected);
  expect(await readSettings(dataDir)).toBeUndefined();
});
