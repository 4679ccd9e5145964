import { expect, test } from "bun:test";
import fc from "fast-check";
import { writeMetalink } from "./metalink.ts";

const file = {
  name: "a.mp4",
  size: 3,
  sha256: "ab".repeat(32),
  pieceSize: 262_144,
  pieces: new Uint8Array(32).fill(0xcd),
  urls: [
    { url: "http://b.example/", priority: 2 },
    { url: "http://a.example/", priority: 1 },
  ],
};

test("writeMetalink() lists hashes and sources in order of priority", () => {
  const document = writeMetalink(file);
  expect(document).toContain(`<hash type="sha-256">${"ab".repeat(32)}</hash>`);
  expect(document).toContain(`<pieces length="262144" type="sha-256">\n      <hash>${"cd".repeat(32)}</hash>`);
  expect(document.indexOf("a.example")).toBeLessThan(document.indexOf("b.example"));
});

test("writeMetalink() leaves out the pieces of an empty file", () => {
  expect(writeMetalink({ ...file, size: 0 })).not.toContain("<pieces");
});

test("writeMetalink() never names a file outside the directory it is saved to", () => {
  for (const [name, expected] of [
    ["../../etc/passwd", "passwd"],
    ["..\\x", "x"],
    ["a/..", "download"],
    ["", "download"],
    ["films/", "download"],
  ] as const) {
    expect(writeMetalink({ ...file, name })).toContain(`<file name="${expected}">`);
  }
});

test("writeMetalink() lets no text out of its place", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const document = writeMetalink({ ...file, name: text, urls: [{ url: text, priority: 1 }] });
      const tags = document.match(/<[^>]*>/g) ?? [];
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not appear
      return tags.length === 15 && !/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(document);
    }),
  );
});
