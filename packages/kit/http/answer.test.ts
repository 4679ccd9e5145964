import { expect, test } from "bun:test";
import { header, removeHeader, setHeader } from "./answer.ts";

const list = ["Vary", "Accept", "ETag", '"a"', "vary", "Cookie", "X", ""];

test("header() gives the first value of that name in any case", () => {
  expect(header(list, "VARY")).toBe("Accept");
  expect(header(list, "etag")).toBe('"a"');
  expect(header(list, "x")).toBe("");
  expect(header(list, "accept")).toBeUndefined();
});

test("setHeader() replaces in place, once, and adds at the end, leaving its input as it was", () => {
  const before = [...list];
  expect(setHeader(list, "VARY", "*")).toEqual(["VARY", "*", "ETag", '"a"', "X", ""]);
  expect(setHeader(list, "Age", "1")).toEqual([...list, "Age", "1"]);
  expect(list).toEqual(before);
});

test("removeHeader() removes every header of that name", () => {
  expect(removeHeader(list, "Vary")).toEqual(["ETag", '"a"', "X", ""]);
  expect(removeHeader(list, "Age")).toEqual(list);
});
