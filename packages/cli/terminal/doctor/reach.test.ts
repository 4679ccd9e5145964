import { expect, test } from "bun:test";
import { nominalLink } from "./reach.ts";

test("nominalLink() gives what was measured before, with its day, rather than what the interface says", () => {
  const measured = { downBytesPerSecond: 12 * 2 ** 20, upBytesPerSecond: 2 ** 20, atMs: Date.UTC(2026, 10, 20, 23) };
  expect(nominalLink(1e9, measured)).toMatchObject({
    state: "ok",
    text: "from the Router 12 MiB/s, to it 1 MiB/s (measured on 2026-11-20)",
  });
});
