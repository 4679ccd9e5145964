import { expect, test } from "bun:test";
import fc from "fast-check";
import { fromBase64Url, toBase64Url, toHex } from "./bytes.ts";
import { ProtocolError } from "./error.ts";
import { generateIdentity, identityFromSeed, terminalIdOf, verifySignature } from "./identity.ts";

test("identityFromSeed() gives the key and signature of RFC 8032's second test", () => {
  const seed = Buffer.from("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "hex");
  const identity = identityFromSeed(seed);
  expect(identity.publicKey).toBe("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  expect(toHex(fromBase64Url(identity.sign(Uint8Array.of(0x72))) as Uint8Array)).toBe(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  );
});

test("identityFromSeed() brings back a generated identity", () => {
  const identity = generateIdentity();
  expect(identityFromSeed(identity.seed).publicKey).toBe(identity.publicKey);
  expect(generateIdentity().publicKey).not.toBe(identity.publicKey);
});

test("identityFromSeed() refuses a seed of another length", () => {
  expect(() => identityFromSeed(new Uint8Array(31))).toThrow("31 bytes");
});

test("verifySignature() refuses every flipped bit of key, text and signature", () => {
  const identity = generateIdentity();
  const text = Buffer.from("some text");
  const signature = Buffer.from(identity.sign(text), "base64url");
  const parts = Buffer.concat([Buffer.from(identity.publicKey, "hex"), signature, text]);
  const check = (b: Buffer) =>
    verifySignature(toHex(b.subarray(0, 32)), b.subarray(96), toBase64Url(b.subarray(32, 96)));
  expect(check(parts)).toBe(true);
  for (let bit = 0; bit < parts.length * 8; bit++) {
    const changed = Buffer.from(parts);
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(check(changed)).toBe(false);
  }
});

test("verifySignature() answers false for malformed keys and signatures", () => {
  const { publicKey, sign } = generateIdentity();
  const text = Buffer.from("x");
  fc.assert(
    fc.property(fc.string({ maxLength: 100 }), (junk) => {
      return !verifySignature(publicKey, text, junk) && !verifySignature(junk, text, sign(text));
    }),
  );
});

test("terminalIdOf() refuses what is no key", () => {
  expect(terminalIdOf("00".repeat(32))).toBe("66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925");
  expect(() => terminalIdOf("00")).toThrow(ProtocolError);
});
