import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../packages/cli/up/hosts.ts";
import { until } from "../e2e/network.ts";
import { sha256Of } from "../e2e/origin.ts";
import { needs, pathOf } from "../needs.ts";
import { type ReverseProxy, startProxy } from "./proxy.ts";
import { openStage, type Stage, type StageTerminal } from "./stage.ts";

// An ordinary client: it knows Metalink (RFC 5854) and nothing of NESON. Verifying is its own doing.
const hasAria2 = needs("aria2c");
const SIZE = 6 * 1024 * 1024 + 123;
/** One byte in every piece of 256 KiB, so that whatever part is taken from the cheat is wrong. */
const ALTERED = { first: 1000, every: 262_144 };

/** A Terminal behind a proxy at its public endpoint. */
async function startBehind(proxy: ReverseProxy, stage: Stage, number: number): Promise<StageTerminal> {
  const port = await freePort(new URL(proxy.url).hostname, 0);
  proxy.forwardTo(`http://${new URL(proxy.url).hostname}:${port}`);
  return stage.startTerminal(number, ["--listen-port", String(port), "--endpoint", proxy.url]);
}

async function download(stage: Stage, url: string, name: string) {
  const directory = join(stage.directory, name);
  await mkdir(directory);
  const metalink = join(stage.directory, `${name}.meta4`);
  await Bun.write(metalink, await fetch(url, { headers: { Accept: "application/metalink4+xml" } }));
  const child = Bun.spawn(
    [
      String(pathOf("aria2c")),
      ...["--no-conf", "--no-proxy=*", "--dir", directory, "--metalink-file", metalink],
      ...["--check-integrity=true", "--split=4", "--min-split-size=1M", "--max-tries=3", "--retry-wait=0"],
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const timer = setTimeout(() => child.kill("SIGKILL"), 25_000);
  const [output, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  clearTimeout(timer);
  const file = Bun.file(join(directory, "film.bin"));
  return { code, output: output + errors, sha256: (await file.exists()) ? sha256Of(await file.bytes()) : undefined };
}

async function stored(stage: Stage, terminals: StageTerminal[]): Promise<void> {
  for (const { terminalId } of terminals) {
    await until("a Terminal to hold the file", async () => (await stage.seen(terminalId))?.storedObjects === 1);
  }
}

test.skipIf(!hasAria2)(
  "aria2c notices a Terminal that sends wrong bytes",
  async () => {
    await using proxy = await startProxy("127.0.0.2", { altered: ALTERED });
    await using stage = await openStage();
    const cheat = await startBehind(proxy, stage, 1);
    const file = await stage.publish("/film.bin", SIZE);
    await stored(stage, [cheat]);
    const { code, output, sha256 } = await download(stage, file.url, "alone");
    expect(proxy.alteredBodies).toBeGreaterThan(0);
    expect(code).not.toBe(0);
    expect(output).toMatch(/checksum/i);
    expect(sha256).not.toBe(file.sha256);
  },
  50_000,
);

test.skipIf(!hasAria2)(
  "with the same proxy honest, the same download ends right",
  async () => {
    await using proxy = await startProxy("127.0.0.2");
    await using stage = await openStage();
    const honest = await startBehind(proxy, stage, 1);
    const file = await stage.publish("/film.bin", SIZE);
    await stored(stage, [honest]);
    const { code, output, sha256 } = await download(stage, file.url, "honest");
    expect(`${code} ${output}`).toMatch(/^0 /);
    expect(sha256).toBe(file.sha256);
    expect(proxy.bodies).toBeGreaterThan(0);
  },
  50_000,
);

test.skipIf(!hasAria2)(
  "with honest mirrors beside the cheat, the download ends right all the same",
  async () => {
    await using proxy = await startProxy("127.0.0.2", { altered: ALTERED });
    await using stage = await openStage();
    const cheat = await startBehind(proxy, stage, 1);
    const honest = await Promise.all([stage.startTerminal(2), stage.startTerminal(3)]);
    const file = await stage.publish("/film.bin", SIZE);
    await stored(stage, [cheat, ...honest]);
    const { code, output, sha256 } = await download(stage, file.url, "mixed");
    expect(`${code} ${output}`).toMatch(/^0 /);
    expect(sha256).toBe(file.sha256);
    expect(proxy.alteredBodies).toBeGreaterThan(0);
    expect(output).toMatch(/checksum/i);
  },
  50_000,
);
