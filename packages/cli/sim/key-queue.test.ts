import { expect, test } from "bun:test";
import fc from "fast-check";
import { KeyLinks, KeyQueue, NONE } from "./key-queue.ts";

test("KeyQueue keeps order, count and bytes like a plain list", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(5))), (steps) => {
      const sizes = new Float64Array([1, 2, 3, 4, 5, 6]);
      const queue = new KeyQueue(new KeyLinks(6), sizes);
      let list: number[] = [];
      for (const [step, key] of steps) {
        const isIn = list.includes(key);
        if (step === 0 && !isIn) queue.push(key);
        else if (step === 1 && isIn) queue.remove(key);
        else if (step === 2 && isIn) queue.renew(key);
        else continue;
        list = list.filter((other) => other !== key);
        if (step !== 1) list.push(key);
      }
      const found: number[] = [];
      for (let key = queue.oldest; key !== NONE; key = queue.newerThan(key)) found.push(key);
      expect(found).toEqual(list);
      expect([queue.count, queue.bytes]).toEqual([list.length, list.reduce((sum, key) => sum + key + 1, 0)]);
      expect([queue.oldest, queue.newest]).toEqual([list[0] ?? NONE, list.at(-1) ?? NONE]);
    }),
  );
});
