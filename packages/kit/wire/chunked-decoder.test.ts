import { expect, test } from "bun:test";
import fc from "fast-check";
import { ChunkedDecoder } from "./chunked-decoder.ts";

function decode(parts: readonly string[], maxTrailerBytes = 1000) {
  let content = "";
  let rest = "";
  const decoder = new ChunkedDecoder(maxTrailerBytes, (bytes, start, end) => {
    content += bytes.toString("latin1", start, end);
  });
  for (const part of parts) {
    const bytes = Buffer.from(part, "latin1");
    rest += part.slice(decoder.read(bytes, 0));
  }
  return { content, rest, isDone: decoder.isDone, fault: decoder.fault, trailers: decoder.trailers };
}

test("ChunkedDecoder reads the same however the bytes are cut, and nothing behind the message", () => {
  const chunk = fc.tuple(
    fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 40 }),
    fc.constantFrom("", ";a", ' ; a="b"', ";\xe9"),
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 5 }), sizes, (chunks, cuts) => {
      const coded = chunks
        .map(([text, extension]) => `${text.length.toString(16)}${extension}\r\n${text}\r\n`)
        .join("");
      const message = `${coded}0\r\nX-Sum: 7\r\n\r\nGET /next`;
      const parts: string[] = [];
      for (let at = 0, i = 0; at < message.length; i++) {
        const size = cuts[i % cuts.length] ?? 1;
        parts.push(message.slice(at, at + size));
        at += size;
      }
      const expected = {
        content: chunks.map(([text]) => text).join(""),
        rest: "GET /next",
        isDone: true,
        fault: undefined,
      };
      expect(decode(parts)).toEqual({ ...expected, trailers: ["X-Sum", "7"] });
    }),
  );
});

test("ChunkedDecoder says what is wrong, and waits for no more than it allows", () => {
  expect(decode(["g\r\n"]).fault).toContain("not a hexadecimal number");
  expect(decode(["1\n"]).fault).toContain("CRLF");
  expect(decode(["1\r\nab"]).fault).toBeUndefined();
  expect(decode(["1\r\nab\r\n"]).fault).toContain("longer than its size");
  expect(decode(["1".repeat(1025)]).fault).toContain("too long");
  expect(decode([`0\r\n${"x".repeat(1001)}`]).fault).toContain("trailer section is too long");
  expect(decode(["0\r\nX: a\rb\r\n\r\n"]).fault).toContain("not allowed");
});

test("ChunkedDecoder never throws, and never both ends and finds a fault", () => {
  const piece = fc.constantFrom("0", "1", "a", ";", "\r\n", "\r", "\n", "X: y", "\0", " ");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const { isDone, fault } = decode(pieces);
      expect(isDone && fault !== undefined).toBe(false);
    }),
    { numRuns: 2000 },
  );
});
