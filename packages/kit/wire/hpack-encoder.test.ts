import { expect, test } from "bun:test";
import { HpackDecoder } from "./hpack-decoder.ts";
import { encodeFields, HEAD_EXTRA_BYTES, type HeadRest, writeHead } from "./hpack-encoder.ts";

const DATE = "Thu, 01 Jan 2026 00:00:00 GMT";

function written(headers: string[], rest: Partial<HeadRest> = {}): string[] {
  const fields = encodeFields(headers);
  const into = Buffer.alloc(fields.block.length + HEAD_EXTRA_BYTES);
  const whole = { status: 200, addedBytes: undefined, date: DATE, isFirst: false, ...rest };
  const end = writeHead(fields, whole, into, 0);
  const block = new HpackDecoder(1_000_000).decode(into, 0, end);
  return (block?.fields ?? []).map(({ name, value }) => `${name}: ${value}`);
}

const HEADERS = ["Content-Type", "text/html", "X-Own", "a b", "accept-encoding", "gzip, deflate", "Vary", ""];
const FIELDS = ["content-type: text/html", "x-own: a b", "accept-encoding: gzip, deflate", "vary: "];

test("writeHead() writes status, fields in order and Date, which decode to the same", () => {
  expect(written(HEADERS)).toEqual([":status: 200", ...FIELDS, `date: ${DATE}`]);
  expect(written(Object.freeze([...HEADERS]) as string[])).toEqual([":status: 200", ...FIELDS, `date: ${DATE}`]);
});

test("writeHead() writes any status, an added Content-Length, and leaves a Date alone", () => {
  expect(written(["Date", "now"], { status: 416, addedBytes: 12, isFirst: true })).toEqual([
    ":status: 416",
    "date: now",
    "content-length: 12",
  ]);
});

test("encodeFields() encodes a frozen list once, and shorter", () => {
  const frozen = Object.freeze([...HEADERS]) as string[];
  expect(encodeFields(frozen)).toBe(encodeFields(frozen));
  expect(encodeFields(HEADERS)).not.toBe(encodeFields(HEADERS));
  expect(encodeFields(frozen).block.length).toBeLessThan(encodeFields(HEADERS).block.length);
});

test("encodeFields() drops blanks around a value, and nothing else", () => {
  expect(written(["a", " \t x\u00a0 ", "b", "  "]).slice(1, 3)).toEqual(["a: x\u00a0", "b: "]);
});

test("encodeFields() drops fields of one connection and finds the Content-Length", () => {
  const headers = ["Connection", "close", "Keep-Alive", "x", "Transfer-Encoding", "chunked", "Content-Length", "7"];
  expect(written(headers)).toEqual([":status: 200", "content-length: 7", `date: ${DATE}`]);
  expect(encodeFields(headers).declaredBytes).toBe(7);
});

test("encodeFields() writes values of any length up to its bound", () => {
  const value = "x".repeat(30_000);
  expect(written(["a", value])[1]).toBe(`a: ${value}`);
  expect(() => encodeFields(["a", "x".repeat(33_000)])).toThrow(/more than 32768 bytes/);
});

test.each([
  ["a name that is no token", ["a b", "x"]],
  ["a pseudo-header field", [":status", "200"]],
  ["a line feed in a value", ["a", "x\ny"]],
  ["a character beyond Latin-1", ["a", "€"]],
  ["two Content-Lengths", ["Content-Length", "1", "content-length", "1"]],
  ["a Content-Length that is no number", ["Content-Length", "-1"]],
])("encodeFields() refuses %s", (_what, headers) => {
  expect(() => encodeFields(headers)).toThrow(/cannot be written/);
});
