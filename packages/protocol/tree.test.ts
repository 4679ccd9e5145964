import { expect, test } from "bun:test";
import fc from "fast-check";
import { equalBytes, sha256 } from "./bytes.ts";
import { ProtocolError } from "./error.ts";
import { HASH_BYTES, proofOf, treeRoot, verifyProof } from "./tree.ts";

const leavesOf = (count: number) => Buffer.concat(Array.from({ length: count }, (_, i) => sha256(Buffer.from(`${i}`))));
const leafAt = (leaves: Uint8Array, index: number) => leaves.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
const node = (left: Uint8Array, right: Uint8Array) => sha256(Buffer.concat([Uint8Array.of(1), left, right]));

const placeInTree = fc
  .integer({ min: 1, max: 70 })
  .chain((count) => fc.record({ count: fc.constant(count), index: fc.integer({ min: 0, max: count - 1 }) }));

test("treeRoot() of one piece is the piece's hash", () => {
  const leaves = leavesOf(1);
  expect(equalBytes(treeRoot(leaves), leaves)).toBe(true);
});

test("treeRoot() of five carries the odd node up unchanged", () => {
  const leaves = leavesOf(5);
  const [a, b, c, d, e] = [0, 1, 2, 3, 4].map((i) => leafAt(leaves, i)) as [Buffer, Buffer, Buffer, Buffer, Buffer];
  expect(equalBytes(treeRoot(leaves), node(node(node(a, b), node(c, d)), e))).toBe(true);
});

test("treeRoot() refuses an empty list and one cut in the middle of a hash", () => {
  for (const length of [0, 31, 33]) expect(() => treeRoot(new Uint8Array(length))).toThrow(ProtocolError);
});

test("proofOf() refuses an index outside the list", () => {
  for (const index of [-1, 3, 0.5, Number.NaN]) expect(() => proofOf(leavesOf(3), index)).toThrow(ProtocolError);
});

test("verifyProof() accepts what proofOf() gives, for every place in every tree", () => {
  for (let count = 1; count <= 33; count++) {
    const leaves = leavesOf(count);
    const root = treeRoot(leaves);
    for (let index = 0; index < count; index++) {
      const proof = proofOf(leaves, index);
      expect(verifyProof({ root, pieceCount: count, index, leaf: leafAt(leaves, index), proof })).toBe(true);
    }
  }
});

test("verifyProof() refuses every flipped bit of leaf, root and proof", () => {
  fc.assert(
    fc.property(placeInTree, fc.nat(), ({ count, index }, seed) => {
      const leaves = leavesOf(count);
      const parts = [treeRoot(leaves), Buffer.from(leafAt(leaves, index)), ...proofOf(leaves, index)];
      const flat = Buffer.concat(parts);
      const bit = seed % (flat.length * 8);
      flat[bit >> 3] = (flat[bit >> 3] as number) ^ (1 << (bit & 7));
      const [root, leaf, ...proof] = parts.map((_, i) => leafAt(flat, i)) as [Buffer, Buffer, ...Buffer[]];
      return !verifyProof({ root, pieceCount: count, index, leaf, proof });
    }),
  );
});

test("verifyProof() refuses a proof for another place, too short or too long", () => {
  fc.assert(
    fc.property(placeInTree, ({ count, index }) => {
      const leaves = leavesOf(count);
      const claim = { root: treeRoot(leaves), pieceCount: count, leaf: leafAt(leaves, index) };
      const proof = proofOf(leaves, index);
      const others = Array.from({ length: count + 2 }, (_, i) => i - 1).filter((i) => i !== index);
      return (
        others.every((other) => !verifyProof({ ...claim, index: other, proof })) &&
        !verifyProof({ ...claim, index, proof: [...proof, claim.root] }) &&
        (proof.length === 0 || !verifyProof({ ...claim, index, proof: proof.slice(1) }))
      );
    }),
  );
});

test("verifyProof() answers false for malformed input instead of throwing", () => {
  const leaf = new Uint8Array(32);
  const good = { root: leaf, pieceCount: 1, index: 0, leaf, proof: [] };
  expect(verifyProof(good)).toBe(true);
  expect(verifyProof({ ...good, leaf: new Uint8Array(31) })).toBe(false);
  expect(verifyProof({ ...good, root: new Uint8Array(5) })).toBe(false);
  expect(verifyProof({ ...good, pieceCount: 0 })).toBe(false);
  expect(verifyProof({ ...good, pieceCount: Number.NaN })).toBe(false);
  expect(verifyProof({ ...good, pieceCount: 2, proof: [new Uint8Array(3)] })).toBe(false);
});
