import { expect, test } from "bun:test";
import { continueFrom } from "./nats-stream.ts";

test("continueFrom() reads on where it was while the stream still has what follows, else says what the gap is", () => {
  const stream = (created: string, first_seq: number, last_seq: number) => ({
    created,
    state: { first_seq, last_seq },
  });
  const known = { created: "monday", sequence: 10 };
  expect(continueFrom(known, stream("monday", 1, 20))).toEqual({ position: known, gap: undefined });
  expect(continueFrom(known, stream("monday", 11, 20))).toEqual({ position: known, gap: undefined });
  // Emptied by age: nothing was missed.
  expect(continueFrom(known, stream("monday", 11, 10))).toEqual({ position: known, gap: undefined });
  for (const [position, now] of [
    [undefined, stream("monday", 1, 20)],
    [known, stream("tuesday", 1, 20)],
    [known, stream("monday", 12, 20)],
    [{ created: "monday", sequence: 30 }, stream("monday", 1, 20)],
  ] as const) {
    const found = continueFrom(position, now);
    expect([found.position, typeof found.gap]).toEqual([{ created: now.created, sequence: 20 }, "string"]);
  }
});
