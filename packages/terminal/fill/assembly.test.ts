import { expect, test } from "bun:test";
import fc from "fast-check";
import { Assembly } from "./assembly.ts";

test("Assembly gives back the pieces of a stream when it comes in chunks of any length", () => {
  const chunkLengths = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.nat(5), chunkLengths, (size, skip, lengths) => {
      const stream = Uint8Array.from({ length: skip + size }, (_, i) => i);
      const assembly = new Assembly({ size, pieceSize: 16 }, 0, skip);
      const got: number[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const chunk = stream.subarray(at, at + (lengths[i % lengths.length] ?? 1));
        at += chunk.length;
        for (let rest: Uint8Array = chunk; rest.length > 0; ) {
          rest = assembly.take(rest);
          if (assembly.complete === undefined) continue;
          got.push(...assembly.complete);
          assembly.advance();
        }
      }
      expect(got).toEqual([...stream.subarray(skip)]);
    }),
  );
});
