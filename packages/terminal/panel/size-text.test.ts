import { expect, test } from "bun:test";
import { sizeText } from "./size-text.ts";

test("sizeText() gives three digits and a power of 1024", () => {
  const cases: [number, string][] = [
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1000, "0.98 KiB"],
    [1024, "1 KiB"],
    [65_536, "64 KiB"],
    [1.534 * 1024 ** 3, "1.53 GiB"],
    [99.96 * 1024 ** 3, "100 GiB"],
    [2 ** 60, "1024 PiB"],
  ];
  for (const [bytes, text] of cases) expect(sizeText(bytes)).toBe(text);
});
