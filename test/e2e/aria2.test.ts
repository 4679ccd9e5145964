import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { needs } from "../needs.ts";
import { startNetwork, type TestNetwork, temporaryDirectory, until } from "./network.ts";
import { noise, sha256Of, startOrigin } from "./origin.ts";

const SIZE_BYTES = 24 * 1_048_576 + 12_345;
const PIECES = 97;
const SHA256 = sha256Of(noise(SIZE_BYTES, 1));

const parts = new AsyncDisposableStack();
let network: TestNetwork;

// One network for the whole file, which somebody has downloaded once, so that Terminals have it.
beforeAll(async () => {
  if (!needs("aria2c")) return;
  const origin = parts.use(await startOrigin());
  const headers = ["Content-Type", "application/octet-stream", "Cache-Control", "public, max-age=600"];
  origin.files.set("/large.bin", { bytes: noise(SIZE_BYTES, 1), headers });
  network = parts.use(await startNetwork({ origin: origin.url }));
  const first = await fetch(new URL("large.bin", network.facts.site));
  expect(sha256Of(new Uint8Array(await first.arrayBuffer()))).toBe(SHA256);
}, 60_000);

afterAll(() => parts.disposeAsync(), 30_000);

/** Bytes the Router owes each Terminal by its claims, by endpoint. */
async function paidBytes(): Promise<Map<string, number>> {
  const { terminals } = await network.admin.status();
  return new Map(terminals.map(({ endpoint, paidBytes }) => [endpoint, paidBytes]));
}

/** Waits until the Terminals have claimed a whole file more than `before`; gives those which claimed something. */
function claimants(before: ReadonlyMap<string, number>): Promise<string[]> {
  return until("claims for the whole file", async () => {
    const added = [...(await paidBytes())].map(
      ([endpoint, bytes]) => [endpoint, bytes - (before.get(endpoint) ?? 0)] as const,
    );
    const sum = added.reduce((total, [, bytes]) => total + bytes, 0);
    return sum >= SIZE_BYTES && added.filter(([, bytes]) => bytes > 0).map(([endpoint]) => endpoint);
  });
}

/** Downloads the large file with aria2c from every mirror it is told of. */
async function download(directory: string, options: string[]) {
  const logFile = join(directory, "aria2.log");
  const child = Bun.spawn(
    [
      ...["aria2c", "--no-conf=true", "--no-netrc=true", "--all-proxy=", "--file-allocation=none", "--max-tries=3"],
      // One connection to each of three sources at once: aria2 takes only as many mirrors as it has connections for.
      ...["--split=3", "--max-connection-per-server=1", "--min-split-size=1M"],
      ...["--log-level=debug", "--log", logFile, "--dir", directory, ...options],
      new URL("large.bin", network.facts.site).href,
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const [output, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  const log = await readFile(logFile, "latin1");
  return { output, code, log, sha256: sha256Of(await readFile(join(directory, "large.bin"))) };
}

test.skipIf(!needs("aria2c"))("aria2c downloads from the mirrors in Link and checks the Digest", async () => {
  await using directory = await temporaryDirectory();
  const before = await paidBytes();
  const { output, code, log, sha256 } = await download(directory.path, []);
  expect(output).toContain("(OK):download completed.");
  expect(code).toBe(0);
  expect(sha256).toBe(SHA256);
  // Said only when the bytes were hashed and the Digest of the redirect was theirs.
  expect(log).toContain(`Verification finished successfully. file=${directory.path}/large.bin`);
  expect((await claimants(before)).length).toBeGreaterThanOrEqual(2);
});

test.skipIf(!needs("aria2c"))("aria2c downloads by Metalink and checks every piece", async () => {
  await using directory = await temporaryDirectory();
  const before = await paidBytes();
  const { output, code, log, sha256 } = await download(directory.path, [
    "--follow-metalink=mem",
    "--header=Accept: application/metalink4+xml",
    // Else aria2 takes only one source of each protocol.
    "--metalink-enable-unique-protocol=false",
  ]);
  expect(output).toContain("(OK):download completed.");
  expect(code).toBe(0);
  expect(sha256).toBe(SHA256);
  expect(log.match(/Good chunk checksum/g)).toHaveLength(PIECES);
  expect(log).not.toContain("Invalid checksum");
  expect((await claimants(before)).length).toBeGreaterThanOrEqual(2);
});
