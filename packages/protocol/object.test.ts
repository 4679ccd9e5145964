import { expect, test } from "bun:test";
import fc from "fast-check";
import { sha256, toHex } from "./bytes.ts";
import { ProtocolError } from "./error.ts";
import {
  deriveObjectId,
  describesObject,
  MAX_OBJECT_BYTES,
  ObjectHasher,
  PIECE_BYTES,
  pieceCount,
  pieceSpan,
} from "./object.ts";
import { treeRoot } from "./tree.ts";

const content = Uint8Array.from({ length: 2 * PIECE_BYTES + 1000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

function describe(...chunks: Uint8Array[]) {
  const hasher = new ObjectHasher();
  for (const chunk of chunks) hasher.update(chunk);
  return hasher.finish();
}

test("pieceCount() counts one empty piece for the empty object", () => {
  const sizes = [0, 1, PIECE_BYTES, PIECE_BYTES + 1, MAX_OBJECT_BYTES];
  expect(sizes.map((size) => pieceCount(size))).toEqual([1, 1, 1, 2, 2 ** 22]);
});

test("pieceSpan() covers the object without gap or overlap", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 1, max: 700 }), (size, pieceSize) => {
      let next = 0;
      for (let index = 0; index < pieceCount(size, pieceSize); index++) {
        const span = pieceSpan(index, size, pieceSize);
        if (span.first !== next) return false;
        next += span.length;
      }
      return next === size;
    }),
  );
});

test("pieceSpan() refuses an index the object does not have", () => {
  for (const index of [-1, 1, 0.5]) expect(() => pieceSpan(index, 10)).toThrow("allowed are 0 to 0");
});

test("ObjectHasher describes the same object however it is chunked", () => {
  const whole = describe(content);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: content.length }), { maxLength: 12 }), (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), content.length];
      const chunks = edges.slice(1).map((end, i) => content.subarray(edges[i], end));
      expect(describe(...chunks)).toEqual(whole);
    }),
    { numRuns: 20 },
  );
  expect(whole.sha256).toBe(toHex(sha256(content)));
  expect(whole.pieces).toHaveLength(3 * 32);
  expect(describesObject(whole)).toBe(true);
});

test("ObjectHasher keeps a piece list longer than its first room", () => {
  const piece = new Uint8Array(PIECE_BYTES);
  const hasher = new ObjectHasher();
  for (let i = 0; i < 70; i++) hasher.update(piece);
  const { pieces, size } = hasher.finish();
  expect(size).toBe(70 * PIECE_BYTES);
  expect(toHex(pieces)).toBe(toHex(sha256(piece)).repeat(70));
});

test("ObjectHasher refuses use after finish()", () => {
  const hasher = new ObjectHasher();
  hasher.finish();
  expect(() => hasher.update(content)).toThrow(ProtocolError);
  expect(() => hasher.finish()).toThrow(ProtocolError);
});

test("describesObject() refuses every change of the description", () => {
  const good = describe(content);
  expect(describesObject({ ...good, size: good.size - 1 })).toBe(false);
  expect(describesObject({ ...good, size: Number.NaN })).toBe(false);
  expect(describesObject({ ...good, pieceSize: PIECE_BYTES - 1 })).toBe(false);
  expect(describesObject({ ...good, sha256: "00".repeat(32) })).toBe(false);
  expect(describesObject({ ...good, sha256: "xyz" })).toBe(false);
  expect(describesObject({ ...good, pieces: good.pieces.subarray(32) })).toBe(false);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: good.pieces.length * 8 - 1 }), (bit) => {
      const pieces = good.pieces.slice();
      pieces[bit >> 3] = (pieces[bit >> 3] as number) ^ (1 << (bit & 7));
      return !describesObject({ ...good, pieces });
    }),
  );
});

test("describesObject() refuses a piece that poses as a node of the tree", () => {
  // A piece of the bytes 0x01 ‖ left ‖ right has a node's hash: same root, but the size tells the two apart.
  const { pieces, ...rest } = describe(content.subarray(0, 2 * PIECE_BYTES));
  const disguised = { ...rest, size: 65, pieces: sha256(Buffer.concat([Uint8Array.of(1), pieces])) };
  expect(toHex(treeRoot(disguised.pieces))).toBe(toHex(treeRoot(pieces)));
  expect(describesObject(disguised)).toBe(false);
});

test("deriveObjectId() refuses numbers and hashes outside their bounds", () => {
  const good = { size: 1, pieceSize: PIECE_BYTES, treeRoot: new Uint8Array(32), sha256: "00".repeat(32) };
  expect(deriveObjectId(good)).toMatch(/^[0-9a-f]{64}$/);
  for (const change of [
    { size: MAX_OBJECT_BYTES + 1 },
    { size: -1 },
    { size: 0.5 },
    { pieceSize: 0 },
    { treeRoot: new Uint8Array(31) },
    { sha256: "00" },
  ]) {
    expect(() => deriveObjectId({ ...good, ...change })).toThrow(ProtocolError);
  }
});
