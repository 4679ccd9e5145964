import { expect, test } from "bun:test";
import type { Headers } from "../http/answer.ts";
import { encodeHead } from "./http1-encode.ts";

const FRAME = { bodyBytes: 3, isChunked: false, connection: "" } as const;
const DATE = "Thu, 01 Jan 1970 00:00:00 GMT";
const LATER = "Fri, 02 Jan 1970 00:00:00 GMT";

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

test("encodeHead() writes the fields as they are, then length and Date", () => {
  const head = encodeHead(206, ["x-A", "1", "ETag", '"caf\xe9"'], FRAME, DATE);
  expect(textOf(head.bytes)).toBe(
    `HTTP/1.1 206 Partial Content\r\nx-A: 1\r\nETag: "caf\xe9"\r\nContent-Length: 3\r\nDate: ${DATE}\r\n\r\n`,
  );
});

test("encodeHead() keeps the bytes of a frozen list and renews only their Date", () => {
  const headers = Object.freeze(["ETag", '"x"']) as Headers;
  const first = encodeHead(200, headers, FRAME, DATE);
  const again = encodeHead(200, headers, FRAME, LATER);
  expect(again.bytes).toBe(first.bytes);
  expect(textOf(again.bytes)).toContain(`Date: ${LATER}\r\n\r\n`);
  expect(textOf(again.bytes)).not.toContain(DATE);
  expect(textOf(encodeHead(206, headers, FRAME, LATER).bytes)).toStartWith("HTTP/1.1 206 ");
  expect(textOf(encodeHead(206, headers, { ...FRAME, bodyBytes: 4 }, LATER).bytes)).toContain("Content-Length: 4\r\n");
  expect(textOf(encodeHead(206, headers, { ...FRAME, connection: "close" }, LATER).bytes)).toContain("close");
});

test("encodeHead() encodes a list that may change each time", () => {
  const headers = ["ETag", '"x"'];
  const first = encodeHead(200, headers, FRAME, DATE);
  headers[1] = '"y"';
  const second = encodeHead(200, headers, FRAME, DATE);
  expect(second.bytes).not.toBe(first.bytes);
  expect(textOf(second.bytes)).toContain('"y"');
});

test("encodeHead() says what Content-Length the list gives, and adds none then", () => {
  const head = encodeHead(200, ["content-LENGTH", "12"], FRAME, DATE);
  expect(head.declaredBytes).toBe(12);
  expect(textOf(head.bytes).match(/content-length/gi)).toHaveLength(1);
});

test("encodeHead() keeps a given Date, and turns Connection: close into the connection's own", () => {
  const head = encodeHead(200, ["Date", DATE, "Connection", "Close"], FRAME, LATER);
  expect(head.closes).toBe(true);
  expect(textOf(head.bytes)).toBe(`HTTP/1.1 200 OK\r\nDate: ${DATE}\r\nContent-Length: 3\r\nConnection: close\r\n\r\n`);
});

test("encodeHead() writes nothing that could be read as something else", () => {
  const bad: [number, string[]][] = [
    [200, ["X", "a\r\nSet-Cookie: b"]],
    [200, ["X", "a\nb"]],
    [200, ["X", "a\0b"]],
    [200, ["X", "\u{1f600}"]],
    [200, ["X Y", "a"]],
    [200, ["X:", "a"]],
    [200, ["", "a"]],
    [200, ["Transfer-Encoding", "chunked"]],
    [200, ["Content-Length", "3", "Content-Length", "3"]],
    [200, ["Content-Length", "-1"]],
    [200, ["Content-Length", "1e3"]],
    [100, []],
    [99.5, []],
    [Number.NaN, []],
  ];
  for (const [status, headers] of bad) {
    expect(() => encodeHead(status, headers, FRAME, DATE)).toThrow(expect.objectContaining({ code: "bad-answer" }));
  }
});
