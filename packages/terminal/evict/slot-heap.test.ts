import { expect, test } from "bun:test";
import fc from "fast-check";
import { SlotHeap } from "./slot-heap.ts";

test("SlotHeap gives the lowest priority first, and between equal ones the lowest rank", () => {
  const step = fc.record({ slot: fc.nat(200), priority: fc.nat(5), rank: fc.nat(1000), isDelete: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const heap = new SlotHeap(4);
      const held = new Map<number, [number, number]>();
      for (const { slot, priority, rank, isDelete } of steps) {
        if (isDelete) {
          heap.delete(slot);
          held.delete(slot);
        } else {
          heap.set(slot, priority, rank);
          held.set(slot, [priority, rank]);
        }
        expect(heap.size).toBe(held.size);
        expect(heap.has(slot)).toBe(!isDelete);
      }
      const order: [number, number][] = [];
      while (heap.size > 0) {
        const slot = heap.top;
        order.push(held.get(slot) ?? [Number.NaN, 0]);
        expect(heap.topPriority).toBe(order.at(-1)?.[0] ?? 0);
        heap.delete(slot);
      }
      expect(order).toEqual([...held.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]));
      expect(heap.top).toBe(-1);
    }),
  );
});
