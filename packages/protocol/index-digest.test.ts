import { expect, test } from "bun:test";
import fc from "fast-check";
import { IndexDigest } from "./index-digest.ts";

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((b) => Buffer.from(b).toString("hex"));
const pairs = fc.uniqueArray(fc.tuple(hex(32), hex(8)), { maxLength: 10, selector: (pair) => pair.join() });

function digestOf(list: [string, string][]): string {
  const digest = new IndexDigest();
  for (const pair of list) digest.add(...pair);
  return digest.toString();
}

test("IndexDigest of nothing is zero", () => {
  expect(new IndexDigest().toString()).toBe("00".repeat(32));
});

test("IndexDigest does not depend on the order", () => {
  fc.assert(fc.property(pairs, (list) => digestOf(list) === digestOf([...list].reverse())));
});

test("IndexDigest.remove() undoes add()", () => {
  fc.assert(
    fc.property(pairs, hex(32), hex(8), (list, objectId, headersId) => {
      const digest = new IndexDigest();
      digest.add(objectId, headersId);
      for (const pair of list) digest.add(...pair);
      digest.remove(objectId, headersId);
      return digest.toString() === digestOf(list);
    }),
  );
});

test("IndexDigest tells header sets of one object apart", () => {
  const objectId = "ab".repeat(32);
  expect(digestOf([[objectId, "00".repeat(8)]])).not.toBe(digestOf([[objectId, "01".repeat(8)]]));
});
