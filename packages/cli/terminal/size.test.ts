import { expect, test } from "bun:test";
import { byteSizeSchema } from "@neson/kit/config";
import fc from "fast-check";
import { friendlySize } from "./size.ts";

test.each([
  [0, "1MB"],
  [999_999, "1MB"],
  [12_345_678, "10MB"],
  [999_999_999, "900MB"],
  [215e9, "200GB"],
  [250e9, "250GB"],
  [1.7e12, "1.5TB"],
  [33e12, "30TB"],
])("friendlySize(%d) is %s", (bytes, text) => {
  expect(friendlySize(bytes)).toBe(text);
});

test("friendlySize() never says more than there is, never less than half of it, and what --quota takes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1e6, max: 2 ** 52 }), (bytes) => {
      const size = byteSizeSchema.parse(friendlySize(bytes));
      expect(size).toBeLessThanOrEqual(bytes);
      expect(size).toBeGreaterThanOrEqual(bytes / 2);
    }),
  );
});
