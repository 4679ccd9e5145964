import { expect, test } from "bun:test";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { startNetwork, type TestNetwork, until } from "./network.ts";
import { noise, startOrigin, type TestOrigin } from "./origin.ts";

const OBJECTS = 20;
const CLIENTS = 8;
const VICTIM = 1;
/** From the moment of the kill on, the Router may still send viewers to the dead Terminal for so long. */
const GRACE_MS = 1000;
/** The supervisor waits so long before it starts a dead child again. */
const RESTART_AFTER_MS = 2000;

/** One request of a client loop, its times from performance.now(). */
interface Visit {
  beganAtMs: number;
  /** When the Router's answer was in. */
  answeredAtMs: number;
  /** Origin of the Location, undefined when the Router sent the bytes itself. */
  sentTo: string | undefined;
  /** What went wrong, from the first byte asked for to the last byte compared. */
  fault: string | undefined;
}

function publish(origin: TestOrigin): string[] {
  return Array.from({ length: OBJECTS }, (_, index) => {
    const target = `/hot/${index}.mp4`;
    const headers = ["Content-Type", "video/mp4", "Cache-Control", "public, max-age=600"];
    origin.files.set(target, { bytes: noise(80_000 + index * 25_013, index), headers });
    return target;
  });
}

/** What was received, against what was published. */
async function faultOf(answer: Response, expected: Uint8Array): Promise<string | undefined> {
  if (answer.status !== 200) return `status ${answer.status} from ${answer.url}`;
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return Buffer.compare(bytes, expected) === 0 ? undefined : `wrong bytes from ${answer.url}`;
}

/** One ordinary download: asks the site, then goes where it is sent. */
async function visit(site: string, target: string, expected: Uint8Array): Promise<Visit> {
  const seen: Visit = { beganAtMs: performance.now(), answeredAtMs: 0, sentTo: undefined, fault: undefined };
  try {
    const answer = await fetch(new URL(target, site), { redirect: "manual" });
    seen.answeredAtMs = performance.now();
    const location = answer.headers.get("Location");
    if (answer.status !== 307 || location === null) seen.fault = await faultOf(answer, expected);
    else {
      seen.sentTo = new URL(location).origin;
      seen.fault = await faultOf(await fetch(location), expected);
    }
  } catch (error) {
    seen.fault = String(error);
  }
  return seen;
}

/** Clients that download the objects over and over until told to stop. */
function load(site: string, origin: TestOrigin) {
  const files = [...origin.files];
  const visits: Visit[] = [];
  let isStopping = false;
  const loops = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let turn = client; !isStopping; turn++) {
      const [target, { bytes }] = files[turn % files.length] as (typeof files)[number];
      visits.push(await visit(site, target, bytes));
    }
  });
  return {
    visits,
    [Symbol.asyncDispose]: async () => {
      isStopping = true;
      await Promise.all(loops);
    },
  };
}

async function storedBy(network: TestNetwork, endpoint: string): Promise<number | undefined> {
  const { terminals } = await network.admin.status();
  return terminals.find((terminal) => terminal.endpoint === endpoint)?.storedObjects;
}

/** Name, inode and time of change of every object file: the same again means that none was written anew. */
async function objectFiles(dataDir: string, terminal: number): Promise<string[]> {
  const directory = join(dataDir, `terminal-${terminal + 1}`, "objects");
  const names = (await readdir(directory, { recursive: true })).sort();
  const facts = await Promise.all(names.map(async (name) => ({ name, is: await stat(join(directory, name)) })));
  return facts.filter(({ is }) => is.isFile()).map(({ name, is }) => `${name} ${is.ino} ${is.mtimeMs} ${is.size}`);
}

/** URL on that Terminal that the Router gives for the file, as Location or mirror. */
async function urlOn(endpoint: string, site: string, target: string): Promise<string> {
  const answer = await fetch(new URL(target, site), { redirect: "manual" });
  const links = answer.headers.get("Link") ?? "";
  const urls = [answer.headers.get("Location") ?? "", ...[...links.matchAll(/<([^>]+)>/g)].map(([, url]) => url ?? "")];
  return urls.find((url) => url.startsWith(`${endpoint}/`)) ?? "";
}

test("kill -9 of a Terminal under load: nobody is sent to it, nobody fails, and it comes back with what it had", async () => {
  await using origin = await startOrigin();
  const targets = publish(origin);
  await using network = await startNetwork({ origin: origin.url });
  const { facts, dataDir } = network;
  const victim = facts.terminals[VICTIM] ?? "";
  const formerPid = facts.pids.terminals[VICTIM] ?? 0;
  for (const target of targets) await (await fetch(new URL(target, facts.site))).arrayBuffer();
  for (const endpoint of facts.terminals) {
    await until(`${endpoint} to hold all`, async () => (await storedBy(network, endpoint)) === OBJECTS);
  }
  const before = await objectFiles(dataDir, VICTIM);
  expect(before).toHaveLength(OBJECTS);

  let killedAtMs = 0;
  let restartedAtMs = 0;
  let visits: Visit[];
  {
    await using clients = load(facts.site, origin);
    visits = clients.visits;
    await until("every Terminal to serve some", () =>
      facts.terminals.every((endpoint) => visits.filter(({ sentTo }) => sentTo === endpoint).length >= 10),
    );
    process.kill(formerPid, "SIGKILL");
    killedAtMs = performance.now();
    await until("another process in its place", async () => {
      const pid = (await network.readFacts()).pids.terminals[VICTIM];
      return pid !== undefined && pid !== formerPid;
    });
    restartedAtMs = performance.now();
    const soFar = visits.length;
    await until("viewers to be sent there again", () => visits.slice(soFar).some(({ sentTo }) => sentTo === victim));
  }

  const later = visits.filter(({ beganAtMs }) => beganAtMs > killedAtMs + GRACE_MS);
  expect(later.length).toBeGreaterThan(100);
  expect(later.filter(({ fault }) => fault !== undefined)).toEqual([]);
  const inTheGap = visits.filter(
    ({ answeredAtMs }) => answeredAtMs > killedAtMs + GRACE_MS && answeredAtMs < killedAtMs + RESTART_AFTER_MS,
  );
  expect(inTheGap.length).toBeGreaterThan(10);
  expect(inTheGap.filter(({ sentTo }) => sentTo === victim)).toEqual([]);
  expect(restartedAtMs - killedAtMs).toBeGreaterThanOrEqual(RESTART_AFTER_MS);
  expect(restartedAtMs - killedAtMs).toBeLessThan(10_000);

  await until("it to hold all again", async () => (await storedBy(network, victim)) === OBJECTS);
  for (const target of targets) {
    const url = await until(`a URL of ${target} there`, async () => (await urlOn(victim, facts.site, target)) || false);
    const answer = await fetch(url, { redirect: "manual" });
    expect(await faultOf(answer, origin.files.get(target)?.bytes ?? new Uint8Array())).toBeUndefined();
  }
  expect(await objectFiles(dataDir, VICTIM)).toEqual(before);
  expect(origin.requests.filter(({ target }) => target.startsWith("/hot/"))).toHaveLength(OBJECTS);
}, 50_000);
