import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Frame, openFrame, sealFrame } from "./frame.ts";
import { MAX_IDS, noticeSchema } from "./message.ts";

const KEY = new Uint8Array(32).fill(1);
const FRAME: Frame = { from: "aaaaaaaaaaaaaaaa", message: { type: "sites", names: ["shop"] } };

test("openFrame() gives what sealFrame() was given", () => {
  expect(openFrame(sealFrame(FRAME, KEY), KEY)).toEqual({ ok: true, frame: FRAME });
});

test("openFrame() refuses other keys, altered text and what fits no schema", () => {
  const sealed = sealFrame(FRAME, KEY);
  const texts = [
    sealFrame(FRAME, new Uint8Array(32).fill(2)),
    sealed.replace("shop", "shoq"),
    sealed.slice(1),
    "",
    sealFrame({ ...FRAME, from: "not hex, and long enough" }, KEY),
    sealFrame({ ...FRAME, message: { type: "sites", names: [] } }, KEY),
    sealFrame({ ...FRAME, message: { type: "unknown" } as unknown as Frame["message"] }, KEY),
    "x".repeat(2_000_000),
  ];
  for (const text of texts) expect([text.slice(0, 60), openFrame(text, KEY).ok]).toEqual([text.slice(0, 60), false]);
});

test("openFrame() never throws", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(openFrame(text, KEY).ok).toBe(false);
    }),
  );
});

test("noticeSchema bounds what one message may carry", () => {
  const ids = Array<string>(MAX_IDS + 1).fill("0".repeat(64));
  expect(noticeSchema.safeParse({ type: "gone", id: "1", objectIds: ids.slice(1) }).success).toBe(true);
  expect(noticeSchema.safeParse({ type: "gone", id: "1", objectIds: ids }).success).toBe(false);
  expect(noticeSchema.safeParse({ type: "gone", id: "../x", objectIds: [] }).success).toBe(false);
});
