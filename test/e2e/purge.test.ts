import { expect, test } from "bun:test";
import { join } from "node:path";
import { readAdminFile } from "../../packages/cli/admin-file.ts";
import { type ApiClient, openApi } from "../../packages/cli/api-client.ts";
import { ticketedUrl } from "../adversary/stage.ts";
import { neson, startNetwork, type TestNetwork, until } from "./network.ts";
import { noise, sha256Of, startOrigin } from "./origin.ts";

const SIZE = 100_000;
// Enough that each Terminal is the first choice for some of them.
const NAMES = Array.from({ length: 20 }, (_, i) => `/film-${i}.mp4`);
const HEADERS = ["Content-Type", "video/mp4", "Cache-Control", "max-age=3600", "Cache-Tag", "films, old"];

interface Job {
  id: string;
  state: string;
  entries: { found: number; removed: number };
  terminals: { told: number; acknowledged: number; silent: number; absent: number };
}

async function siteName(api: ApiClient): Promise<string> {
  const { sites } = (await api.call("GET", "/sites")) as { sites: { name: string }[] };
  return sites[0]?.name ?? "";
}

/** For each Terminal a ticket there, and the file it is for. */
async function ticketsAt(network: TestNetwork): Promise<Map<string, { ticketed: string; name: string }>> {
  const tickets = new Map<string, { ticketed: string; name: string }>();
  for (const name of NAMES) {
    const ticketed = await ticketedUrl(network.facts.site + name);
    tickets.set(new URL(ticketed).origin, { ticketed, name });
  }
  return tickets;
}

/** What a Terminal answers for a ticket; undefined while nobody listens there. */
async function statusOf(ticketed: string): Promise<number | undefined> {
  try {
    const answer = await fetch(ticketed, { redirect: "manual", signal: AbortSignal.timeout(2000) });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return undefined;
  }
}

test("a purge reaches the Terminals that are there at once, and one that was away before it serves again", async () => {
  await using origin = await startOrigin();
  const publish = (seed: number) => {
    NAMES.forEach((name, i) => void origin.files.set(name, { bytes: noise(SIZE, seed + i), headers: HEADERS }));
  };
  const served = async (url: string) => sha256Of(await (await fetch(url)).bytes());
  const published = (name: string) => sha256Of(origin.files.get(name)?.bytes ?? new Uint8Array());
  publish(1);
  await using network = await startNetwork({ origin: origin.url, terminals: 2 });
  const api = openApi(await readAdminFile(join(network.dataDir, "router")));
  const path = `/sites/${await siteName(api)}/purges`;
  const { site } = network.facts;
  await until("both Terminals to have room", async () => {
    const { terminals } = await network.admin.status();
    return terminals.length === 2 && terminals.every(({ remainingBytes }) => remainingBytes > 0);
  });
  for (const name of NAMES) {
    const first = await fetch(site + name);
    expect([sha256Of(await first.bytes()), first.headers.get("cache-tag")]).toEqual([published(name), null]);
  }
  await until("both Terminals to hold all files", async () => {
    const { terminals } = await network.admin.status();
    return terminals.length === 2 && terminals.every(({ storedObjects }) => storedObjects === NAMES.length);
  });
  const tickets = await ticketsAt(network);
  expect([...tickets.keys()].sort()).toEqual([...network.facts.terminals].sort());
  for (const { ticketed, name } of tickets.values()) {
    const answer = await fetch(ticketed);
    expect([answer.status, answer.headers.get("cache-tag")]).toEqual([200, null]);
    expect(sha256Of(await answer.bytes())).toBe(published(name));
  }

  const [away = "", there = ""] = network.facts.terminals;
  process.kill(network.facts.pids.terminals[0] ?? 0, "SIGKILL");
  await until("the Router to notice", async () => (await network.admin.status()).terminals.length === 1);
  publish(100);
  const begun = (await api.call("POST", path, { body: { tag: "old" } })) as Job;
  // In effect here at once.
  expect(await served(site + NAMES[0])).toBe(published(NAMES[0] ?? ""));
  const done = await until("the purge to be done", async () => {
    const job = (await api.call("GET", `${path}/${begun.id}`)) as Job;
    return job.state === "done" ? job : undefined;
  });
  expect(done.entries).toEqual({ found: NAMES.length, removed: NAMES.length });
  expect(done.terminals).toEqual({ told: 1, acknowledged: 1, silent: 0, absent: 0 });
  expect(await statusOf(tickets.get(there)?.ticketed ?? "")).toBe(307);

  const { ticketed, name } = tickets.get(away) ?? { ticketed: "", name: "" };
  const seen = new Set<number | undefined>();
  await until("the other Terminal to come back and be asked", async () => {
    const status = await statusOf(ticketed);
    seen.add(status);
    return (await network.admin.status()).terminals.length === 2 && status === 307;
  });
  for (let i = 0; i < 20; i++) seen.add(await statusOf(ticketed));
  expect(seen.has(200)).toBe(false);
  expect(await served(ticketed)).toBe(published(name));
}, 90_000);

test("neson site purge and prefetch say how far they are, and refuse what is not the site's", async () => {
  await using origin = await startOrigin();
  for (const name of ["/a.mp4", "/b.mp4"]) origin.files.set(name, { bytes: noise(1000, 3), headers: HEADERS });
  await using network = await startNetwork({ origin: origin.url, terminals: 1 });
  const data = join(network.dataDir, "router");
  const name = await siteName(openApi(await readAdminFile(data)));
  const run = (...args: string[]) => neson(["site", ...args, "--data", data]);
  const fetched = await run("prefetch", name, "/a.mp4", "/b.mp4", "/none", "--wait");
  expect([fetched.stderr, fetched.code]).toEqual(["", 0]);
  expect(fetched.stdout).toContain("2 stored, 0 there already, 1 not storable, 0 failed, 0 waiting; 2000 bytes");
  const before = origin.requests.length;
  await (await fetch(`${network.facts.site}/a.mp4`)).arrayBuffer();
  expect(origin.requests.length).toBe(before);
  const purged = await run("purge", name, "--prefix", "/a", "--wait", "--json");
  expect(JSON.parse(purged.stdout)).toMatchObject({ state: "done", entries: { found: 1, removed: 1 } });
  const soft = await run("purge", name, "--all", "--soft", "--wait");
  expect(soft.stdout).toContain("1 of 1 made stale");
  const refused = await run("purge", name, "--url", "https://elsewhere.test/");
  expect([refused.code === 0, refused.stderr]).toEqual([
    false,
    expect.stringContaining("one of the site's host names"),
  ]);
  const both = await run("purge", name, "--all", "--tag", "x");
  expect(both.stderr).toContain("exactly one of --url, --prefix, --tag and --all");
}, 60_000);
