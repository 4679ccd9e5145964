import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import {
  equalBytes,
  fromBase64Url,
  fromHex,
  hmacSha256,
  keyedHmacSha256,
  sha256,
  toBase64Url,
  toHex,
} from "./bytes.ts";

const bytes = () => fc.uint8Array({ maxLength: 200 });

test("fromHex() gives back what toHex() wrote", () => {
  fc.assert(fc.property(bytes(), (b) => equalBytes(fromHex(toHex(b)) as Uint8Array, b)));
});

test("toHex() respects the offset of a view", () => {
  expect(toHex(Uint8Array.of(1, 2, 3, 4).subarray(1, 3))).toBe("0203");
});

test("fromHex() refuses odd lengths, upper case and other characters", () => {
  for (const text of ["a", "AB", "0g", " 00", "00\n", "0x00"]) expect(fromHex(text)).toBeUndefined();
  expect(fromHex("")).toHaveLength(0);
});

test("fromBase64Url() gives back what toBase64Url() wrote", () => {
  fc.assert(fc.property(bytes(), (b) => equalBytes(fromBase64Url(toBase64Url(b)) as Uint8Array, b)));
});

test("fromBase64Url() accepts no second spelling of the same bytes", () => {
  expect(fromBase64Url("_-8")).toEqual(Buffer.of(0xff, 0xef));
  for (const text of ["/+8", "_-8=", "_-9", "_-8 ", "_\n-8", "_", "é"]) expect(fromBase64Url(text)).toBeUndefined();
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), (text) => {
      const read = fromBase64Url(text);
      return read === undefined || toBase64Url(read) === text;
    }),
  );
});

test("equalBytes() compares content and length", () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0))).toBe(false);
});

test("sha256() gives the value of FIPS 180-4's example", () => {
  expect(toHex(sha256(Buffer.from("abc")))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("hmacSha256() and keyedHmacSha256() over parts equal HMAC over their concatenation", () => {
  fc.assert(
    fc.property(bytes(), bytes(), fc.string({ unit: "grapheme" }), (key, part, text) => {
      const expected = createHmac("sha256", key).update(part).update(text).digest();
      // The keyed one is asked twice: first it learns the key.
      const keyed = [keyedHmacSha256(key, part, text), keyedHmacSha256(key, part, text)];
      return [hmacSha256(key, part, text), ...keyed].every((mac) => equalBytes(mac, expected));
    }),
  );
});
