import { expect, test } from "bun:test";
import { InterimCount, wrongHead } from "./answer-head.ts";

test("wrongHead() names what could be read in two ways, or be too much", () => {
  const head = { status: 200, httpVersion: "1.1", rawHeaders: ["Transfer-Encoding", "Chunked"] };
  const many = (fields: number) => Array.from({ length: fields * 2 }, () => "x");
  expect(wrongHead(head)).toBeUndefined();
  expect(wrongHead({ ...head, rawHeaders: many(256) })).toBeUndefined();
  expect(wrongHead({ ...head, rawHeaders: many(257) })).toBe("257 fields, allowed: 256");
  expect(wrongHead({ ...head, httpVersion: "1.0" })).toBe("Transfer-Encoding in version 1.0, allowed: none");
  expect(wrongHead({ ...head, httpVersion: "1.0", rawHeaders: [] })).toBeUndefined();
  expect(wrongHead({ ...head, rawHeaders: ["transfer-encoding", "chunked", "Transfer-Encoding", "chunked"] })).toBe(
    "Transfer-Encoding chunked, chunked, allowed: chunked",
  );
  expect(wrongHead({ ...head, rawHeaders: ["Transfer-Encoding", ""] })).toBe("Transfer-Encoding , allowed: chunked");
  expect(wrongHead({ status: 200, rawHeaders: head.rawHeaders })).toBe("Transfer-Encoding in version 2, allowed: none");
  expect(wrongHead({ status: 200, rawHeaders: [] })).toBeUndefined();
  expect(wrongHead({ status: 200, rawHeaders: ["content-length", "5"] })).toBeUndefined();
  for (const lengths of [["5", "5"], ["5, 5"], ["-5"], [""], ["1234567890123456"]]) {
    const rawHeaders = lengths.flatMap((length) => ["Content-Length", length]);
    expect(wrongHead({ status: 200, rawHeaders })).toBe(
      `Content-Length ${lengths.join(", ")}, allowed: one number of bytes`,
    );
  }
  for (const status of [0, 99, 101, 199, 600, 1000, Number.NaN]) {
    expect(wrongHead({ ...head, status })).toBe(`status ${status}, allowed: 200 to 599`);
  }
});

test("InterimCount takes a few interim answers, and no 101", () => {
  const interim = new InterimCount();
  for (let i = 0; i < 64; i++) expect(interim.wrong(103)).toBeUndefined();
  expect(interim.wrong(103)).toBe("more than 64 interim answers");
  expect(new InterimCount().wrong(101)).toBe("status 101, which was not asked for");
});
