import { expect, test } from "bun:test";
import { join } from "node:path";
import { settledPaidBytes, ticketedUrl } from "../adversary/stage.ts";
import { needs } from "../needs.ts";
import { startTwoRouters, type TestRouter } from "../services/two-routers.ts";
import { neson, until } from "./network.ts";
import { noise, sha256Of, startOrigin, type TestOrigin } from "./origin.ts";

const SIZE = 2 * 1024 * 1024;
const FRESH = ["Cache-Control", "max-age=3600"];
const WITHIN_MS = 2000;

function page(text: string) {
  return { bytes: Buffer.from(text), headers: ["Content-Type", "text/html", ...FRESH] };
}

function siteAt(origin: TestOrigin, name: string, host: string) {
  return { name, hosts: [host], origin: origin.url, allowPrivateOrigin: true };
}

/** What a Router answers, status and text. */
async function get(router: TestRouter, target: string, host = "127.0.0.1"): Promise<string> {
  const answer = await fetch(router.url + target, { headers: { Host: host }, signal: AbortSignal.timeout(5000) });
  return `${answer.status} ${(await answer.text()).trim()}`;
}

async function purge(router: TestRouter, body: object): Promise<string> {
  return ((await router.api.call("POST", "/sites/films/purges", { body })) as { id: string }).id;
}

async function stateOf(router: TestRouter, id: string): Promise<string> {
  return ((await router.api.call("GET", `/sites/films/purges/${id}`)) as { state: string }).state;
}

async function terminalsOf(router: TestRouter): Promise<string[]> {
  return (await router.admin.status()).terminals.map(({ endpoint }) => endpoint).sort();
}

/** A ticket of which its Terminal has all bytes. */
function servedTicket(url: string): Promise<string> {
  return until(`a Terminal to hold ${url}`, async () => {
    const first = await fetch(url, { redirect: "manual" });
    await first.body?.cancel();
    const location = first.headers.get("location");
    if (first.status !== 307 || location === null) return undefined;
    const served = await fetch(location, { method: "HEAD", redirect: "manual" });
    return served.status === 200 ? location : undefined;
  });
}

test.skipIf(!needs("postgres", "nats-server"))(
  "two Routers act as one: sites, purges and Terminals of one are the other's within 2 s, and one goes on when the other is killed",
  async () => {
    await using origin = await startOrigin();
    await using net = await startTwoRouters();
    const { a, b } = net;
    const film = noise(SIZE, 9);
    origin.files.set("/film.bin", {
      bytes: film,
      headers: ["Content-Type", "application/octet-stream", "ETag", '"film"', ...FRESH],
    });
    origin.files.set("/", page("one"));
    const pulls = (target: string) => origin.requests.filter((request) => request.target === target).length;

    // A site.
    await a.admin.putSite(siteAt(origin, "films", "127.0.0.1"));
    await until("B to answer for the site", async () => (await get(b, "/")) === "200 one", WITHIN_MS);
    await a.admin.putSite(siteAt(origin, "more", "more.example"));
    await until(
      "B to answer for another site",
      async () => (await get(b, "/", "more.example")) === "200 one",
      WITHIN_MS,
    );

    // Terminals: one is given A alone, the other both; each comes to both.
    const endpoints = [await net.startTerminal("t1", [a.controlUrl])];
    await until("A to have the Terminal", async () => (await terminalsOf(a)).length === 1);
    await until("B to have it too", async () => (await terminalsOf(b)).length === 1, WITHIN_MS);
    endpoints.push(await net.startTerminal("t2", [b.controlUrl, a.controlUrl]));
    endpoints.sort();
    await until("both to have both", async () =>
      [await terminalsOf(a), await terminalsOf(b)].every((known) => Bun.deepEquals(known, endpoints)),
    );

    // What A pulled, B steers to.
    expect(sha256Of(await (await fetch(`${a.url}/film.bin`)).bytes())).toBe(sha256Of(film));
    await until("the Terminals to hold the film, as B sees it", async () =>
      (await b.admin.status()).terminals.every(({ storedObjects }) => storedObjects === 1),
    );
    let sentBytes = 0;
    for (const router of [a, b, b, a]) {
      const location = await ticketedUrl(`${router.url}/film.bin`);
      expect(endpoints).toContain(new URL(location).origin);
      expect(sha256Of(await (await fetch(location, { redirect: "manual" })).bytes())).toBe(sha256Of(film));
      sentBytes += SIZE;
    }
    expect(pulls("/film.bin")).toBe(1);
    expect(await settledPaidBytes(b.admin)).toBe(sentBytes);

    // Purges, both ways.
    for (const [from, to, text] of [
      [a, b, "two"],
      [b, a, "three"],
    ] as const) {
      await until("memory to be warm", async () => (await get(to, "/")) === (await get(from, "/")));
      origin.files.set("/", page(text));
      expect(await get(to, "/")).not.toBe(`200 ${text}`);
      const id = await purge(from, { url: "http://127.0.0.1/" });
      await until(
        "the other's answer to be the new one",
        async () => (await get(to, "/")) === `200 ${text}`,
        WITHIN_MS,
      );
      await until(
        "the purge to be done, wherever it is asked for",
        async () => (await stateOf(to, id)) === "done",
        WITHIN_MS,
      );
    }
    const stale = await ticketedUrl(`${b.url}/film.bin`);
    const id = await purge(a, { all: true });
    await until("the Terminals' purge to be done", async () => (await stateOf(a, id)) === "done");
    expect((await fetch(stale, { redirect: "manual" })).status).toBe(307);
    expect(sha256Of(await (await fetch(`${b.url}/film.bin`)).bytes())).toBe(sha256Of(film));
    expect(pulls("/film.bin")).toBe(2);

    // A dies with claims unpaid.
    const tickets = [await servedTicket(`${a.url}/film.bin`), await servedTicket(`${b.url}/film.bin`)];
    const viewing = tickets.map(async (location) => (await fetch(location)).bytes());
    a.running.process.kill("SIGKILL");
    for (const bytes of await Promise.all(viewing)) expect(sha256Of(bytes)).toBe(sha256Of(film));
    sentBytes += 2 * SIZE;
    expect(await settledPaidBytes(b.admin)).toBe(sentBytes);
    origin.files.set("/", page("four"));
    const alone = await purge(b, { url: "http://127.0.0.1/" });
    await until("B's own purge to be effective", async () => (await get(b, "/")) === "200 four");
    await until("B to wait for A no more", async () => (await stateOf(b, alone)) === "done", 10_000);
    await until("B to steer", async () => {
      const answer = await fetch(`${b.url}/film.bin`, { redirect: "manual" });
      await answer.body?.cancel();
      return endpoints.includes(URL.parse(answer.headers.get("location") ?? "")?.origin ?? "");
    });
    expect(await terminalsOf(b)).toEqual(endpoints);
  },
  90_000,
);

test.skipIf(!needs("postgres", "nats-server"))(
  "two Routers go on when NATS stops, and catch up on what was purged and added meanwhile when it is back",
  async () => {
    await using origin = await startOrigin();
    await using net = await startTwoRouters();
    const { a, b, nats } = net;
    origin.files.set("/", page("one"));
    await a.admin.putSite(siteAt(origin, "films", "127.0.0.1"));
    await until("B to answer for the site", async () => (await get(b, "/")) === "200 one");
    expect(await get(a, "/")).toBe("200 one");
    await net.startTerminal("t1", [a.controlUrl]);
    await until("both to have the Terminal", async () =>
      [await terminalsOf(a), await terminalsOf(b)].every(({ length }) => length === 1),
    );
    await nats.stop();

    origin.files.set("/", page("two"));
    const id = await purge(a, { url: "http://127.0.0.1/" });
    await a.admin.putSite(siteAt(origin, "more", "more.example"));
    expect([await get(a, "/"), await get(a, "/", "more.example")]).toEqual(["200 two", "200 two"]);
    // B has not heard of it, and serves on; nor has A heard that B is through.
    expect([await get(b, "/"), await stateOf(a, id)]).toEqual(["200 one", "running"]);
    expect([(await terminalsOf(a)).length, (await terminalsOf(b)).length]).toEqual([1, 1]);

    await nats.start();
    await until("B to have caught up", async () => (await get(b, "/")) === "200 two", 2 * WITHIN_MS);
    await until(
      "B to answer for the new site",
      async () => (await get(b, "/", "more.example")) === "200 two",
      WITHIN_MS,
    );
    await until("the purge to be done", async () => (await stateOf(a, id)) === "done", WITHIN_MS);
    origin.files.set("/", page("three"));
    await purge(b, { url: "http://127.0.0.1/" });
    await until("purges to go the other way at once", async () => (await get(a, "/")) === "200 three", WITHIN_MS);
  },
  60_000,
);

test.skipIf(!needs("postgres", "nats-server"))(
  "a Router with other keys than those the database belongs to does not start, and says what to copy",
  async () => {
    await using net = await startTwoRouters();
    const place = ["--data", join(net.directory, "other"), "--listen-port", "0", "--control-port", "0"];
    const options = ["--database-url", net.postgres.url, "--nats-url", net.nats.url];
    const refused = await neson(["router", "run", ...place, ...options]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("master.key and identity.key");
    const alone = await neson(["router", "run", ...place, "--nats-url", net.nats.url]);
    expect(alone.stderr).toContain("DATABASE_URL");
  },
  60_000,
);
