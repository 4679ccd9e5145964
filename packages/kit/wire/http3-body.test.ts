import { expect, test } from "bun:test";
import { http3Body } from "./http3-body.ts";

test("http3Body() hands on copies, so that a source may read into the same Buffer again", async () => {
  async function* body() {
    const block = Buffer.alloc(100_000);
    for (let i = 1; i <= 3; i++) yield block.fill(i);
  }
  const answer = { status: 200, headers: [], body: null };
  const stream = http3Body(body(), { answer, declaredBytes: 300_000, onFail: () => {}, onOver: () => {} });
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  const found = Buffer.concat(parts);
  expect([found.length, found[0], found[150_000], found[299_999]]).toEqual([300_000, 1, 2, 3]);
});
