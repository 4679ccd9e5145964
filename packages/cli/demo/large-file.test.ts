import { expect, test } from "bun:test";
import { LARGE_FILE_BYTES, largeFileBytes, largeFileSha256 } from "./large-file.ts";

test("largeFileBytes() gives the same bytes whatever the range starts with", () => {
  const whole = Buffer.concat([...largeFileBytes(0, 700_000)]);
  for (const [first, last] of [
    [0, 0],
    [15, 17],
    [262_143, 262_145],
    [300_001, 700_000],
  ] as const) {
    expect(Buffer.concat([...largeFileBytes(first, last)])).toEqual(whole.subarray(first, last + 1));
  }
});

test("largeFileBytes() reaches the last byte when the range ends there", () => {
  expect(Buffer.concat([...largeFileBytes(LARGE_FILE_BYTES - 5, LARGE_FILE_BYTES - 1)])).toHaveLength(5);
});

test("largeFileSha256() is the same on every machine", () => {
  expect(largeFileSha256()).toBe("3037180e3f5e769f3e83b6cb4f4678dadd73aed060473585573791347aa37872");
});
