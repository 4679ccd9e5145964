import { expect, test } from "bun:test";
import { Flow } from "./flow.ts";

const OUT = { isOutward: true, isViewers: true };
const CONTROL = { isOutward: true, isViewers: false };

async function tookMs(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

test("Flow lets everything pass at once while nothing is wrong", async () => {
  const flow = new Flow(1);
  const chunk = new Uint8Array(100_000);
  expect([...flow.slices(chunk)].map(({ length }) => length)).toEqual([chunk.length]);
  expect(await tookMs(() => flow.open(OUT))).toBeLessThan(20);
  expect(await tookMs(() => flow.pass(chunk.length, OUT))).toBeLessThan(20);
});

test("Flow shares a rate among all connections, outward only", async () => {
  const flow = new Flow(1);
  flow.spoil({ rateBytesPerSecond: 40_000 });
  expect([...flow.slices(new Uint8Array(9000))].map(({ length }) => length)).toEqual([4096, 4096, 808]);
  const took = await tookMs(async () => {
    await Promise.all([flow.pass(4000, OUT), flow.pass(4000, CONTROL)]);
  });
  expect(took).toBeGreaterThan(190);
  expect(took).toBeLessThan(400);
  expect(await tookMs(() => flow.pass(40_000, { ...OUT, isOutward: false }))).toBeLessThan(20);
});

test("Flow keeps viewers waiting while it is mute, lets the control channel pass, and lets all go on when that is over", async () => {
  const flow = new Flow(1);
  flow.spoil({ isMute: true });
  await flow.pass(10, CONTROL);
  let hasPassed = false;
  const passing = flow.pass(10, OUT).then(() => {
    hasPassed = true;
  });
  await flow.open(CONTROL);
  expect(hasPassed).toBe(false);
  flow.spoil({});
  await passing;
});

test("Flow waits for as many resends as the same seed draws each time", async () => {
  const waits = async () => {
    const flow = new Flow(7);
    flow.spoil({ lossRatio: 0.5 });
    const took: number[] = [];
    for (let i = 0; i < 4; i += 1) took.push(Math.round((await tookMs(() => flow.pass(1000, OUT))) / 200));
    return took;
  };
  const [first, second] = await Promise.all([waits(), waits()]);
  expect(first).toEqual(second);
  expect(Math.max(...first)).toBeGreaterThan(0);
});
