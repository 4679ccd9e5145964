import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { pacedBody } from "./paced-body.ts";

/** Blocks of so many bytes, each so long in coming. */
async function* dripping(clock: FakeClock, blocks: [bytes: number, afterMs: number][]) {
  for (const [bytes, afterMs] of blocks) {
    await clock.advance(afterMs);
    yield new Uint8Array(bytes);
  }
}

async function bytesOf(body: AsyncIterable<Uint8Array>, perBlock = async () => {}): Promise<number | string> {
  let bytes = 0;
  try {
    for await (const block of body) {
      bytes += block.length;
      await perBlock();
    }
  } catch (error) {
    return (error as { code: string }).code;
  }
  return bytes;
}

test("pacedBody() gives up a body that drips, and lets a slow one pass", async () => {
  const clock = new FakeClock();
  const drips = Array.from({ length: 10 }, (): [number, number] => [1, 20_000]);
  expect(await bytesOf(pacedBody(dripping(clock, drips), { clock }))).toBe("origin-timeout");
  const slow = Array.from({ length: 10 }, (): [number, number] => [400, 20_000]);
  expect(await bytesOf(pacedBody(dripping(clock, slow), { clock }))).toBe(4000);
});

test("pacedBody() blames no origin for a reader that takes its time", async () => {
  const clock = new FakeClock();
  const prompt = Array.from({ length: 10 }, (): [number, number] => [1, 0]);
  expect(await bytesOf(pacedBody(dripping(clock, prompt), { clock }), () => clock.advance(100_000))).toBe(10);
});
