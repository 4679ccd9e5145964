import { expect, test } from "bun:test";
import { readTerminalOptions } from "./config.ts";

test("readTerminalOptions() takes small defaults with --small, and what is set all the same", () => {
  const usual = readTerminalOptions({ flags: {}, env: {} });
  const small = readTerminalOptions({ flags: { small: true }, env: {} });
  expect([usual.isSmall, usual.memoryBytes, usual.maxConnections]).toEqual([false, 256 * 2 ** 20, 10_000]);
  expect([small.isSmall, small.memoryBytes, small.maxConnections]).toEqual([true, 32 * 2 ** 20, 512]);
  expect(small.quotaBytes).toBe(usual.quotaBytes);
  const set = readTerminalOptions({ flags: { memory: "64MiB" }, env: { NESON_TERMINAL_SMALL: "true" } });
  expect([set.isSmall, set.memoryBytes]).toEqual([true, 64 * 2 ** 20]);
});
