import { expect, test } from "bun:test";
import { IndexDigest } from "@neson/protocol/index-digest";
import fc from "fast-check";
import { Holdings } from "./holdings.ts";

const objectOf = (n: number) => (n + 2).toString(16).padStart(16, "0").padEnd(64, "a");
const headersOf = (n: number) => n.toString(16).padStart(16, "0");

/** One step on both the table and a plain set of pairs. */
function act(holdings: Holdings, model: Set<string>, [verb, object, headers]: [string, number, number]): void {
  const [objectId, headersId] = [objectOf(object), headersOf(headers)];
  if (verb === "add") {
    holdings.add(objectId, headersId);
    model.add(`${objectId} ${headersId}`);
  } else if (verb === "remove one") {
    holdings.remove(objectId, headersId);
    model.delete(`${objectId} ${headersId}`);
  } else {
    holdings.removeObject(objectId);
    for (const pair of [...model]) if (pair.startsWith(objectId)) model.delete(pair);
  }
}

test("Holdings knows after any adding and removing what a plain set of pairs knows, and its digest", () => {
  const step = fc.tuple(fc.constantFrom("add", "add", "add", "remove one", "remove"), fc.nat(12), fc.nat(3));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.nat(), (steps, seed) => {
      const holdings = new Holdings({ seed });
      const model = new Set<string>();
      for (const one of steps) act(holdings, model, one);
      const digest = new IndexDigest();
      for (const pair of model) digest.add(pair.slice(0, 64), pair.slice(65));
      expect(holdings.size).toBe(model.size);
      expect(holdings.digest).toBe(digest.toString());
      for (let object = 0; object <= 12; object += 1) {
        const objectId = objectOf(object);
        const headersIds = [...model].filter((pair) => pair.startsWith(objectId)).map((pair) => pair.slice(65));
        expect(holdings.headersOf(objectId).toSorted()).toEqual(headersIds.toSorted());
        expect(holdings.hasObject(objectId)).toBe([...model].some((pair) => pair.startsWith(objectId)));
        for (let headers = 0; headers <= 3; headers += 1) {
          const pair = `${objectId} ${headersOf(headers)}`;
          expect(holdings.has(objectId, headersOf(headers))).toBe(model.has(pair));
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("add() leaves out what is beyond the bounds, and tells so", () => {
  const few = new Holdings({ maxPairs: 100 });
  for (let n = 1; n <= 101; n += 1) few.add(objectOf(n), headersOf(n));
  expect([few.size, few.isPartial, few.hasObject(objectOf(101))]).toEqual([100, true, false]);
  const manyHeaderSets = new Holdings();
  for (let n = 0; n < 300; n += 1) manyHeaderSets.add(objectOf(7), headersOf(n));
  expect([manyHeaderSets.size, manyHeaderSets.isPartial]).toEqual([256, true]);
  manyHeaderSets.removeObject(objectOf(7));
  expect([manyHeaderSets.size, manyHeaderSets.digest]).toEqual([0, "0".repeat(64)]);
});
