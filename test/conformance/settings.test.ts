import { expect, test } from "bun:test";
import { type Fate, type Stage, startStage } from "./stage.ts";

/** What becomes of requests for one target with these fields, one after the other. */
async function fates(stage: Stage, target: string, asks: Record<string, string>[]): Promise<Fate[]> {
  const found: Fate[] = [];
  for (const headers of asks) found.push((await stage.ask(target, { headers })).fate);
  return found;
}

test("heuristicFraction takes a share of the time since the last modification as freshness (RFC 9111 4.2.2)", async () => {
  await using stage = await startStage({ cache: { heuristicFraction: 0.1 } });
  stage.script("/a", { headers: ["Last-Modified", "Sun, 22 Nov 2026 11:43:20 GMT"] });
  expect((await stage.ask("/a")).fate).toBe("asked");
  await stage.clock.advance(99_000);
  expect((await stage.ask("/a")).headers["cache-status"]).toBe("NESON; hit; ttl=1");
  await stage.clock.advance(1_000);
  expect((await stage.ask("/a")).fate).toBe("validated");
});

test("negative keeps failures of silent origins for so long, and those of one client's request never", async () => {
  await using stage = await startStage({ cache: { negative: { notFoundSeconds: 10, serverErrorSeconds: 5 } } });
  for (const [status, seconds] of [
    [404, 10],
    [410, 10],
    [503, 5],
  ] as const) {
    stage.script(`/${status}`, { status });
    expect(await fates(stage, `/${status}`, [{}, {}])).toEqual(["asked", "hit"]);
    await stage.clock.advance(seconds * 1000);
    expect(await fates(stage, `/${status}`, [{}])).toEqual(["asked"]);
  }
  for (const status of [400, 403, 413, 414, 429, 431, 501]) {
    stage.script(`/${status}`, { status });
    expect([status, await fates(stage, `/${status}`, [{}, {}])]).toEqual([status, ["asked", "asked"]]);
  }
});

test("varyBy tells answers apart by fields that the origin does not name", async () => {
  await using stage = await startStage({ cache: { varyBy: ["x-device"] } });
  stage.script("/a", { headers: ["Cache-Control", "max-age=60", "ETag", '"1"'] });
  const asks: Record<string, string>[] = [
    { "X-Device": "tv" },
    { "X-Device": "phone" },
    { "X-Device": "tv" },
    {},
    { "X-Device": "phone" },
  ];
  expect(await fates(stage, "/a", asks)).toEqual(["asked", "asked", "hit", "asked", "hit"]);
  await stage.clock.advance(61_000);
  expect(await fates(stage, "/a", [{ "X-Device": "tv" }, { "X-Device": "tv" }])).toEqual(["validated", "hit"]);
});

test("query says which parameters count, for what is stored, for the origin, and for what an unsafe method makes worthless", async () => {
  await using stage = await startStage({ cache: { query: { use: "unlisted", names: ["utm_*"], sorted: true } } });
  stage.script("/a?id=1&x=2", { headers: ["Cache-Control", "max-age=60"] });
  expect((await stage.ask("/a?x=2&utm_source=mail&id=1")).fate).toBe("asked");
  expect(stage.origin.requests.at(-1)?.target).toBe("/a?id=1&x=2");
  expect((await stage.ask("/a?id=1&utm_campaign=y&x=2")).fate).toBe("hit");
  await stage.ask("/a?x=2&id=1&utm_medium=z", { method: "DELETE" });
  expect(stage.origin.requests.at(-1)?.target).toBe("/a?x=2&id=1&utm_medium=z");
  expect((await stage.ask("/a?id=1&x=2")).fate).toBe("asked");
});

test("staleIfErrorSeconds bounds how long a site goes on without its origin", async () => {
  await using stage = await startStage({ cache: { staleIfErrorSeconds: 100 } });
  stage.script("/a", { headers: ["Cache-Control", "max-age=60"] });
  await stage.ask("/a");
  stage.script("/a", { isDown: true });
  await stage.clock.advance(159_000);
  expect((await stage.ask("/a")).status).toBe(200);
  await stage.clock.advance(6_000);
  expect((await stage.ask("/a")).status).toBe(502);
});
