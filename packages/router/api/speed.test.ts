import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { FakeClock } from "@neson/kit/fake-clock";
import { answerSpeed } from "./speed.ts";

const PATH = `/v1/speed/${"A".repeat(43)}`;

function open(maxBytes = 1_000_000) {
  const clock = new FakeClock();
  let ends = 0;
  const run = {
    ...{ maxBytes, maxMs: 5000 },
    end: () => {
      ends += 1;
    },
  };
  return { deps: { grants: { begin: () => run }, clock }, clock, ends: () => ends };
}

test("answerSpeed() takes in no longer than was granted, from a sender that stalls", async () => {
  const { deps, clock, ends } = open();
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array(1000)) });
  const answer = answerSpeed(new Request("http://x/", { method: "POST", body }), PATH, deps);
  await Bun.sleep(1);
  await clock.advance(5000);
  expect(await (await answer).json()).toEqual({ bytes: 1000, ms: 5000 });
  expect(ends()).toBe(1);
});

test("answerSpeed() sends no longer than was granted, to a reader that stalls", async () => {
  const { deps, clock, ends } = open();
  const answer = await answerSpeed(new Request("http://x/"), PATH, deps);
  await clock.advance(5000);
  expect(ends()).toBe(1);
  expect((await answer.bytes()).length).toBeLessThanOrEqual(2 * 65_536);
});

test("answerSpeed() says so when a body breaks off, and frees the line", async () => {
  const { deps, ends } = open();
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new Error("cut")) });
  const answer = await answerSpeed(new Request("http://x/", { method: "POST", body }), PATH, deps);
  expect([answer.status, await answer.text()]).toEqual([400, "the body broke off\n"]);
  expect(ends()).toBe(1);
});

test("answerSpeed() sends bytes that do not compress", async () => {
  const { deps } = open();
  const bytes = await (await answerSpeed(new Request("http://x/"), PATH, deps)).bytes();
  expect(bytes.length).toBe(1_000_000);
  expect(gzipSync(bytes.subarray(0, 65_536)).length).toBeGreaterThan(65_000);
});
