import { expect, test } from "bun:test";
import type { AccessRecord } from "./access-record.ts";
import { LiveLog, matches } from "./live-log.ts";

function record(change: Partial<AccessRecord> = {}): AccessRecord {
  return {
    ...{ time: "2026-11-22T00:00:00.000Z", site: "shop", host: "shop.example", method: "GET", target: "/a.mp4" },
    ...{ httpVersion: "1.1", status: 200, bytes: 1, complete: true, durationMs: 1, answerMs: 1 },
    ...{ outcome: "hit", clientNetwork: "192.0.2.0/24", steps: [] },
    ...change,
  };
}

test("matches() wants everything that the filter names", () => {
  const cases: [filter: object, change: Partial<AccessRecord>, expected: boolean][] = [
    [{}, {}, true],
    [{}, { site: "blog" }, false],
    [{ status: "404" }, { status: 404 }, true],
    [{ status: "404" }, { status: 400 }, false],
    [{ status: "4xx" }, { status: 499 }, true],
    [{ status: "4xx" }, { status: 500 }, false],
    [{ outcome: "miss" }, {}, false],
    [{ pathPrefix: "/a" }, {}, true],
    [{ pathPrefix: "/b" }, {}, false],
    [{ country: "DE" }, { country: "DE" }, true],
    [{ country: "DE" }, {}, false],
    [{ method: "POST" }, {}, false],
    [{ status: "2xx", pathPrefix: "/a", outcome: "hit" }, {}, true],
  ];
  for (const [filter, change, expected] of cases) {
    expect([filter, change, matches(record(change), { site: "shop", ...filter })]).toEqual([filter, change, expected]);
  }
});

test("read() gives what matches, in order, and ends with its signal", async () => {
  const live = new LiveLog({ maxReaders: 2 });
  const stop = new AbortController();
  const lines = live.read({ site: "shop", status: "5xx" }, stop.signal);
  const first = lines.next();
  expect(live.isWatched("shop")).toBe(true);
  expect(live.isWatched("blog")).toBe(false);
  live.add(record());
  live.add(record({ status: 502 }));
  expect((await first).value).toMatchObject({ type: "request", request: { status: 502 } });
  const next = lines.next();
  stop.abort();
  expect((await next).done).toBe(true);
  expect(live.isWatched("shop")).toBe(false);
});

test("read() tells a slow reader how many records it missed", async () => {
  const live = new LiveLog({ maxReaders: 2 });
  const stop = new AbortController();
  const lines = live.read({ site: "shop" }, stop.signal);
  const first = lines.next();
  live.add(record());
  await first;
  for (let i = 0; i < 1010; i++) live.add(record());
  const seen: unknown[] = [];
  for (let i = 0; i < 1001; i++) seen.push((await lines.next()).value);
  expect(seen.at(-1)).toEqual({ type: "dropped", count: 10 });
  await lines.return(undefined);
  expect(live.isWatched("shop")).toBe(false);
});

test("isFull is true once every place is taken", async () => {
  const live = new LiveLog({ maxReaders: 1 });
  const stop = new AbortController();
  const pending = live.read({ site: "shop" }, stop.signal).next();
  expect(live.isFull).toBe(true);
  stop.abort();
  await pending;
  expect(live.isFull).toBe(false);
});
