import { expect, test } from "bun:test";
import { statsText } from "./site-figures.ts";

const COMMON = {
  site: "films",
  from: "2026-11-23T06:00:00.000Z",
  to: "2026-11-23T09:00:00.000Z",
  step: "hour" as const,
};

test("statsText() shows every step of a short span, with bars that compare bytes", () => {
  const figures = [
    { at: "2026-11-23T06:00:00.000Z", requests: 1234, bytes: 2048 },
    { at: "2026-11-23T08:00:00.000Z", requests: 1, bytes: 1024 },
  ];
  expect(statsText({ ...COMMON, by: "total", figures })).toBe(
    [
      "films, 2026-11-23 06:00 to 2026-11-23 09:00 UTC",
      "",
      "HOUR              REQUESTS    BYTES",
      `2026-11-23 06:00     1,234  2.0 KiB  ${"█".repeat(24)}`,
      "2026-11-23 07:00         0      0 B",
      `2026-11-23 08:00         1  1.0 KiB  ${"█".repeat(12)}`,
      "total                1,235  3.0 KiB",
      "",
    ].join("\n"),
  );
});

test("statsText() adds up values over the span, the largest first, by requests where no bytes are known", () => {
  const figures = [
    { at: "2026-11-23T06:00:00.000Z", value: "DE", requests: 1, bytes: 0 },
    { at: "2026-11-23T06:00:00.000Z", value: "FR", requests: 5, bytes: 0 },
    { at: "2026-11-23T08:00:00.000Z", value: "DE", requests: 9, bytes: 0 },
  ];
  const lines = statsText({ ...COMMON, by: "country", figures }).split("\n");
  expect(lines.slice(2, 6)).toEqual([
    "COUNTRY  REQUESTS  BYTES",
    `DE             10    0 B  ${"█".repeat(24)}`,
    `FR              5    0 B  ${"█".repeat(12)}`,
    "total          15    0 B",
  ]);
});

test("statsText() says so when nobody asked", () => {
  expect(statsText({ ...COMMON, by: "total", figures: [] })).toContain("nobody asked films");
});
