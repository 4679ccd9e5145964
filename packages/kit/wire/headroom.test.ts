import { expect, test } from "bun:test";
import { bodyWithHeadroom, joinHead } from "./headroom.ts";

test("joinHead() puts a head right before a body that has room, and nowhere else", () => {
  const body = bodyWithHeadroom(5);
  body.set(Buffer.from("hello"));
  for (const head of ["a longer head|", "head|"]) {
    const joined = joinHead(Buffer.from(head), body);
    expect(Buffer.from(joined?.buffer.subarray(joined.start) ?? []).toString()).toBe(`${head}hello`);
  }
  expect(Buffer.from(body).toString()).toBe("hello");
  expect(joinHead(Buffer.alloc(2048), body)?.start).toBe(0);
  expect(joinHead(Buffer.alloc(2049), body)).toBeUndefined();
  expect(joinHead(Buffer.alloc(1), new Uint8Array(5))).toBeUndefined();
  expect(joinHead(Buffer.alloc(1), body.subarray(1))).toBeUndefined();
});
