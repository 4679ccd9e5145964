import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeHuffman, encodeHuffman, huffmanLength } from "./hpack-huffman.ts";
import { HUFFMAN_CODES } from "./hpack-tables.ts";

function encoded(text: string): Buffer {
  const bytes = Buffer.alloc(huffmanLength(text));
  expect(encodeHuffman(text, bytes, 0)).toBe(bytes.length);
  return bytes;
}

test("HUFFMAN_CODES has the codes of RFC 7541 appendix B", () => {
  const some: [symbol: number, code: number, bits: number][] = [
    [0, 0x1ff8, 13],
    [10, 0x3ffffffc, 30],
    [32, 0x14, 6],
    [48, 0x0, 5],
    [92, 0x7fff0, 19],
    [116, 0x9, 5],
    [123, 0x7ffe, 15],
    [127, 0xffffffc, 28],
    [199, 0x1ffffec, 25],
    [220, 0xffffffd, 28],
    [255, 0x3ffffee, 26],
    [256, 0x3fffffff, 30],
  ];
  expect(some.map(([symbol]) => HUFFMAN_CODES[symbol])).toEqual(some.map(([, code, bits]) => ({ code, bits })));
});

// RFC 7541 appendices C.4 and C.6.
const EXAMPLES = [
  ["www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"],
  ["no-cache", "a8eb10649cbf"],
  ["custom-value", "25a849e95bb8e8b4bf"],
  ["Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"],
  ["https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3"],
] as const;

test.each(EXAMPLES)("encodeHuffman() and decodeHuffman() agree with the RFC on %s", (text, hex) => {
  expect(encoded(text).toString("hex")).toBe(hex);
  const bytes = Buffer.from(hex, "hex");
  expect(decodeHuffman(bytes, 0, bytes.length)).toBe(text);
});

test("decodeHuffman() gives back any bytes that encodeHuffman() was given", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (content) => {
      const text = Buffer.from(content).toString("latin1");
      const bytes = encoded(text);
      expect(decodeHuffman(bytes, 0, bytes.length)).toBe(text);
    }),
  );
});

test.each([
  ["the end mark", "ffffffff"],
  ["padding of zeros", "1000"],
  ["padding of more than seven bits", "1fffff"],
  ["a code that is cut off", "fe"],
])("decodeHuffman() refuses %s", (_what, hex) => {
  const bytes = Buffer.from(hex, "hex");
  expect(decodeHuffman(bytes, 0, bytes.length)).toBeUndefined();
});

test("decodeHuffman() takes a string that fills its bytes, and an empty one", () => {
  const bytes = encoded("00000000");
  expect(bytes.length).toBe(5);
  expect(decodeHuffman(bytes, 0, 5)).toBe("00000000");
  expect(decodeHuffman(bytes, 2, 2)).toBe("");
});
