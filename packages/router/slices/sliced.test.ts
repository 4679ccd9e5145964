import { expect, test } from "bun:test";
import fc from "fast-check";
import { SLICE_BYTES } from "./grid.ts";
import { gapAt, isWhole, type Part, partAt, withPart } from "./sliced.ts";

const SIZE = 3 * SLICE_BYTES + 100;
const part = (first: number, last: number): Part => ({ first, last, sha256: "" });
const fetches = new Set<never>();

test("gapAt() is a slice, without what is stored on either side", () => {
  const gap = (parts: Part[], at: number) => gapAt({ parts, fetches, size: SIZE }, at);
  expect(gap([], 5)).toEqual({ first: 0, last: SLICE_BYTES - 1 });
  expect(gap([], SIZE - 1)).toEqual({ first: 3 * SLICE_BYTES, last: SIZE - 1 });
  expect(gap([part(0, 9), part(100, 199)], 50)).toEqual({ first: 10, last: 99 });
  expect(gap([part(0, 9), part(100, 199)], 500)).toEqual({ first: 200, last: SLICE_BYTES - 1 });
});

test("withPart() keeps parts disjoint and in order, and loses no byte", () => {
  const span = fc.tuple(fc.nat(99), fc.nat(99)).map(([a, b]) => part(Math.min(a, b), Math.max(a, b)));
  fc.assert(
    fc.property(fc.array(span, { maxLength: 30 }), (added) => {
      let parts: Part[] = [];
      for (const one of added) {
        const before = parts;
        parts = withPart(parts, one);
        for (let i = 1; i < parts.length; i++) {
          expect((parts[i] as Part).first).toBeGreaterThan((parts[i - 1] as Part).last);
        }
        for (let at = 0; at < 100; at++) {
          const wasThere = before.some(({ first, last }) => first <= at && at <= last);
          if (wasThere) expect(partAt({ parts }, at)).toBeDefined();
        }
      }
    }),
  );
});

test("filling the gap at any missing byte, again and again, makes it whole without asking for a byte twice", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(SIZE - 1), { minLength: 1, maxLength: 20 }), (wanted) => {
      let parts: Part[] = [];
      let bytes = 0;
      for (const at of [...wanted, 0, SLICE_BYTES, 2 * SLICE_BYTES, 3 * SLICE_BYTES]) {
        if (partAt({ parts }, at) !== undefined) continue;
        const { first, last } = gapAt({ parts, fetches, size: SIZE }, at);
        expect(first <= at && at <= last).toBe(true);
        bytes += last - first + 1;
        parts = withPart(parts, part(first, last));
      }
      expect([isWhole({ parts, size: SIZE }), bytes]).toEqual([true, SIZE]);
    }),
  );
});
