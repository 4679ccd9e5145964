import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "@neson/kit/clock";
import { silentLog } from "@neson/kit/log";
import { generateIdentity } from "@neson/protocol/identity";
import type { TerminalConfig } from "../config.ts";
import { startTerminal, type Terminal } from "../terminal.ts";
import { FakeRouter, type FakeRouterOptions } from "../testing/fake-router.ts";
import { publish, seededBytes } from "../testing/objects.ts";
import { testConfig } from "../testing/start.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { until } from "../testing/until.ts";

/** Two Routers of one network, and a Terminal that is given the first, or both. */
async function startTwo(
  options: { isGivenBoth?: boolean; a?: FakeRouterOptions; config?: Partial<TerminalConfig> } = {},
) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(temporaryDirectory());
  const network = { identity: generateIdentity(), masterKey: new Uint8Array(32).fill(5) };
  const a = stack.use(new FakeRouter({ ...network, ...options.a }));
  const b = stack.use(new FakeRouter(network));
  const start = (urls: [string, ...string[]]): Promise<Terminal> => {
    const config = { ...testConfig(join(path, "data"), a.url, options.config), routerUrls: urls };
    return startTerminal(config, { clock: systemClock, log: silentLog, random: Math.random });
  };
  let terminal = await start(options.isGivenBoth ? [a.url, b.url] : [a.url]);
  stack.defer(() => terminal[Symbol.asyncDispose]());
  for (const router of options.isGivenBoth ? [a, b] : [a]) await router.heard(({ type }) => type === "heartbeat");
  return {
    ...{ a, b },
    get: (path: string) => fetch(terminal.ready.url + path, { redirect: "manual" }),
    restart: async (meanwhile: () => Promise<void>) => {
      await terminal[Symbol.asyncDispose]();
      await meanwhile();
      terminal = await start([a.url]);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test("Routers are joined as they are named, told of what is stored, and remembered when the first is gone", async () => {
  await using two = await startTwo();
  const { a, b } = two;
  a.send({ type: "routers", urls: [b.url] });
  await until("the other has it", () => b.isConnected);
  const film = publish(seededBytes(300_000, 1));
  await a.store(film);
  await b.heard(({ type }) => type === "stored");
  const path = b.path(film);
  expect((await two.get(path)).status).toBe(200);
  await b.heard((message) => message.type === "heartbeat" && message.objectCount === 1);
  await two.restart(() => a[Symbol.asyncDispose]());
  await until("the other has it again", () => b.isConnected && b.connectionCount === 2);
  await until("what it kept was checked", async () => (await two.get(b.path(film))).status === 200);
});

test("Routers are asked one after another for what is missing, and a claim goes to whichever is connected", async () => {
  await using two = await startTwo({ isGivenBoth: true });
  const { a, b } = two;
  const film = publish(seededBytes(300_000, 1));
  b.publish(film);
  const answer = await two.get(a.path(film));
  expect((await answer.bytes()).length).toBe(film.bytes.length);
  const wants = [a, b].map(({ received }) => received.filter(({ type }) => type === "want").length);
  expect(wants).toEqual([1, 1]);
  await a.heard((message) => message.type === "claims" && message.claims[0]?.bytes === film.bytes.length);
  await a[Symbol.asyncDispose]();
  expect((await (await two.get(b.path(film))).bytes()).length).toBe(film.bytes.length);
  await b.heard(
    (message) => message.type === "claims" && message.claims.some(({ bytes }) => bytes === film.bytes.length),
  );
});

test("Routers that nobody names any more and that do not answer are let go; a second name of a known one is not dialled", async () => {
  await using two = await startTwo({ a: { knownAs: "http://a.invalid:1" } });
  const { a, b } = two;
  a.send({ type: "routers", urls: [b.url] });
  await until("the other has it", () => b.isConnected);
  b.send({ type: "routers", urls: ["http://a.invalid:1"] });
  a.send({ type: "routers", urls: [] });
  // It is not named, but it is there.
  await b.heard((message) => message.type === "heartbeat" && message.sequence > 1);
  expect([a.connectionCount, b.connectionCount]).toEqual([1, 1]);
  const { port } = new URL(b.url);
  await b[Symbol.asyncDispose]();
  await until("its end was noticed", () => !b.isConnected);
  a.send({ type: "routers", urls: [] });
  await using successor = new FakeRouter({ identity: b.identity, port: Number(port) });
  const before = a.received.length;
  await until("time has gone by", () => a.received.length > before + 20);
  expect(successor.connectionCount).toBe(0);
});

test("Routers are all asked what may be evicted, and what one of them wants kept stays", async () => {
  await using two = await startTwo({ isGivenBoth: true, config: { quotaBytes: 10_000_000 } });
  const { a, b } = two;
  const films = Array.from({ length: 10 }, (_, number) => publish(seededBytes(980_000, number)));
  const kept = films[0]?.description.objectId ?? "";
  const asked: string[][] = [[], []];
  a.onEvict = (objectIds) => {
    asked[0]?.push(...objectIds);
    return [];
  };
  b.onEvict = (objectIds) => {
    asked[1]?.push(...objectIds);
    return objectIds.includes(kept) ? [kept] : [];
  };
  for (const film of films) await a.store(film);
  await until("both were asked", () => asked.every((ids) => ids.length > 0), 10_000);
  const last = (router: FakeRouter) => router.received.findLast(({ type }) => type === "heartbeat");
  await until("something went", () => {
    const beat = last(b);
    return beat?.type === "heartbeat" && beat.objectCount < films.length;
  });
  expect(asked[0]).toEqual(asked[1] ?? []);
  expect((await two.get(a.path(films[0] as (typeof films)[0]))).status).toBe(200);
});
