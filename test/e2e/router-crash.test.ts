import { expect, test } from "bun:test";
import { join } from "node:path";
import { openAdminClient } from "../../packages/cli/admin-client.ts";
import { settledPaidBytes, ticketedUrl } from "../adversary/stage.ts";
import { isAlive, startNetwork, type TestNetwork, until } from "./network.ts";
import { noise, sha256Of, startOrigin } from "./origin.ts";

const SIZE = 2 * 1024 * 1024;
const HEADERS = ["Content-Type", "application/octet-stream", "Cache-Control", "max-age=3600", "ETag", '"film"'];

/** Viewers who fetch the file one after the other until told to stop; what fails while the Router is down they try again. */
function lightLoad(network: TestNetwork, url: string, sha256: string) {
  const seen = { fromTerminals: 0, fromRouter: 0, wrong: 0, failed: 0 };
  const stopping = new AbortController();
  const viewer = async () => {
    while (!stopping.signal.aborted) {
      try {
        const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
        if (sha256Of(await answer.bytes()) !== sha256) seen.wrong += 1;
        else if (network.facts.terminals.includes(new URL(answer.url).origin)) seen.fromTerminals += 1;
        else seen.fromRouter += 1;
      } catch {
        seen.failed += 1;
      }
      await Bun.sleep(100);
    }
  };
  const viewers = [viewer(), viewer()];
  const stop = async () => {
    stopping.abort();
    await Promise.all(viewers);
  };
  return { seen, stop, [Symbol.asyncDispose]: stop };
}

/** The pid of the Router that the supervisor has started in place of a dead one. */
function restartedRouter(network: TestNetwork, deadPid: number): Promise<number> {
  return until("the supervisor to start the Router again", async () => {
    const { pids } = await network.readFacts();
    return pids.router !== deadPid && pids.router !== 0 && isAlive(pids.router) ? pids.router : undefined;
  });
}

test("a Router killed under load comes back with its catalog, sites and paid claims, and its Terminals with it", async () => {
  await using origin = await startOrigin();
  const bytes = noise(SIZE, 5);
  const sha256 = sha256Of(bytes);
  origin.files.set("/film.bin", { bytes, headers: HEADERS });
  origin.files.set("/", { bytes: Buffer.from("home\n"), headers: ["Content-Type", "text/html"] });
  await using network = await startNetwork({ origin: origin.url });
  const url = `${network.facts.site}/film.bin`;
  expect(sha256Of(await (await fetch(url)).bytes())).toBe(sha256);
  const { admin } = network;
  await until("every Terminal to hold the file", async () => {
    const { terminals } = await admin.status();
    return terminals.length === 3 && terminals.every(({ storedObjects }) => storedObjects === 1);
  });
  const sitesBefore = await admin.sites();
  const terminalsBefore = (await admin.status()).terminals.map(({ id, endpoint }) => `${id} ${endpoint}`).sort();
  const pulls = () => origin.requests.filter(({ target, status }) => target === "/film.bin" && status !== 304).length;
  expect(pulls()).toBe(1);

  await using load = lightLoad(network, url, sha256);
  await until("claims to be paid", async () => (await admin.status()).meter.paidBytes > SIZE);
  const early = [await ticketedUrl(url), await ticketedUrl(url), await ticketedUrl(url)];
  const paidBefore = (await admin.status()).meter.paidBytes;
  process.kill(network.facts.pids.router, "SIGKILL");
  await until("the Router to be gone", () => !isAlive(network.facts.pids.router));

  const goodLocations = await Promise.all(
    early.map(async (location) => {
      const answer = await fetch(location, { redirect: "manual" });
      return answer.status === 200 && sha256Of(await answer.bytes()) === sha256;
    }),
  );
  expect(goodLocations).toEqual([true, true, true]);
  // The Router was down all the while, or the above would prove nothing.
  expect(
    await fetch(url).then(
      () => "up",
      () => "down",
    ),
  ).toBe("down");

  await restartedRouter(network, network.facts.pids.router);
  const again = await openAdminClient(join(network.dataDir, "router"));
  const status = await again.status();
  expect(status.meter.paidBytes).toBeGreaterThanOrEqual(paidBefore);
  expect(await again.sites()).toEqual(sitesBefore);
  await until("all Terminals to be back", async () => {
    const { terminals } = await again.status();
    return Bun.deepEquals(terminals.map(({ id, endpoint }) => `${id} ${endpoint}`).sort(), terminalsBefore);
  });
  const location = await ticketedUrl(url);
  expect(network.facts.terminals).toContain(new URL(location).origin);
  expect(sha256Of(await (await fetch(location)).bytes())).toBe(sha256);
  expect(pulls()).toBe(1);
  const { fromTerminals } = load.seen;
  await until("the viewers to be served by Terminals again", () => load.seen.fromTerminals > fromTerminals + 4);
  await load.stop();
  expect(load.seen.wrong).toBe(0);

  // Nothing that was sent is lost, and nothing is paid twice; a viewer whose GET failed had at most the whole file.
  const whole = load.seen.fromTerminals + early.length + 1;
  const paid = await settledPaidBytes(again);
  expect(paid).toBeGreaterThanOrEqual(whole * SIZE);
  expect(paid).toBeLessThanOrEqual((whole + load.seen.failed) * SIZE);
}, 55_000);
