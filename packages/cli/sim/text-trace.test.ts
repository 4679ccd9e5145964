import { expect, test } from "bun:test";
import fc from "fast-check";
import { TextTraceReader } from "./text-trace.ts";
import { TraceBuilder } from "./trace.ts";

function read(...pieces: (string | Uint8Array)[]) {
  const builder = new TraceBuilder("log.txt");
  const reader = new TextTraceReader("log.txt", builder);
  for (const piece of pieces) reader.push(Buffer.from(piece));
  reader.end();
  const { keys, sizes, hasSizes } = builder.finish();
  return { keys: [...keys], sizes: [...sizes], hasSizes };
}

test("TextTraceReader reads blanks and commas, comments, empty lines and further columns", () => {
  const text = "# a log\n1 /a 10\n\n2,/b, 20\r\n 3.5\t/a  10 GET 200\n-1e3 , /c , 0";
  expect(read(text)).toEqual({ keys: [0, 1, 0, 2], sizes: [10, 20, 1], hasSizes: true });
});

test("TextTraceReader takes an object's latest size, and 1 where there are none", () => {
  expect(read("1 a 10\n2 a 30\n3 a 20\n").sizes).toEqual([20]);
  expect(read("1 a\n2 b\n")).toEqual({ keys: [0, 1], sizes: [1, 1], hasSizes: false });
});

test("TextTraceReader reads the same however the bytes are cut", () => {
  const lines = Array.from({ length: 50 }, (_, i) => `${i} key-${i % 7} ${(i % 7) + 1}`).join("\n");
  const whole = read(lines);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: lines.length - 1 }), { maxLength: 20 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), lines.length];
      expect(read(...places.slice(1).map((end, i) => lines.slice(places[i], end)))).toEqual(whole);
    }),
  );
});

test.each([
  ["1 a 10\nnow b 10\n", 'log.txt, line 2: found time "now", allowed: a number'],
  ["1\n", 'log.txt, line 1: found no id, allowed: a line "time id size" or "time id"'],
  ["1 a ten\n", 'log.txt, line 1: found size "ten", allowed: whole bytes from 0 to 1125899906842624'],
  ["1 a -5", 'log.txt, line 1: found size "-5", allowed: whole bytes from 0 to 1125899906842624'],
  ["1 a 1.5", 'log.txt, line 1: found size "1.5", allowed: whole bytes from 0 to 1125899906842624'],
  ["1 a 9999999999999999", 'found size "9999999999999999", allowed: whole bytes from 0 to 1125899906842624'],
  [`1 a ${"9".repeat(3000)}`, `found size "${"9".repeat(40)}…", allowed: whole bytes`],
  [`1 ${"x".repeat(2049)} 1\n`, "log.txt, line 1: found an id of 2049 bytes, allowed: at most 2048"],
  [`1 a 1\n${"x".repeat(8193)}\n`, "log.txt, line 2: found a line longer than 8192 bytes, allowed: at most 8192"],
  ["x".repeat(100_000), "log.txt, line 1: found a line longer than 8192 bytes"],
  ["# nothing\n", "log.txt: found no requests, allowed: at least one"],
])("TextTraceReader refuses %.40p and says where and why", (text, message) => {
  expect(() => read(text)).toThrow(message);
});

test("TextTraceReader either reads any bytes or refuses them with an error of its own", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        read(bytes);
      } catch (error) {
        expect((error as { fault?: string }).fault).toBe("caller");
      }
    }),
  );
});
