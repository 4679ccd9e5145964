import { expect, test } from "bun:test";
import fc from "fast-check";
import { toBase64Url } from "./bytes.ts";
import { ProtocolError } from "./error.ts";
import { generateIdentity } from "./identity.ts";
import {
  headersIdOf,
  inlinePieces,
  MAX_INLINE_PIECES,
  type Manifest,
  openManifest,
  signManifest,
  withPieces,
} from "./manifest.ts";
import { MAX_FRAME_BYTES } from "./messages.ts";
import { deriveObjectId, ObjectHasher, PIECE_BYTES } from "./object.ts";
import { treeRoot } from "./tree.ts";

const ROUTER = generateIdentity();
const HEADERS: [string, string][] = [["Content-Type", "video/mp4"]];

function describe(content: Uint8Array) {
  const hasher = new ObjectHasher();
  hasher.update(content);
  return hasher.finish();
}

function manifestOf(content: Uint8Array, headers = HEADERS): Manifest {
  const { pieces, ...object } = describe(content);
  return {
    version: 1,
    ...object,
    pieces: toBase64Url(pieces),
    headers,
    headersId: headersIdOf(headers),
    site: "example",
    issuedAt: 1000,
    expiresAt: 2000,
  };
}

const MANIFEST = manifestOf(new Uint8Array(PIECE_BYTES + 1));

/** Signs whatever it is given, as a Router with a bug would. */
function signBlindly(value: unknown) {
  const body = typeof value === "string" ? value : JSON.stringify(value);
  return { body, signature: ROUTER.sign(Buffer.from(`neson-manifest-1\n${body}`)) };
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return "accepted";
}

test("openManifest() gives back what signManifest() signed", () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9-]{1,20}$/);
  const value = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,40}$/);
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.tuple(name, value), { maxLength: 64 }),
      (content, list) => {
        const manifest = manifestOf(content, list);
        expect(openManifest(signManifest(manifest, ROUTER), ROUTER.publicKey)).toEqual(manifest);
      },
    ),
  );
});

test("openManifest() refuses every flipped bit of body and signature", () => {
  const signed = signManifest(MANIFEST, ROUTER);
  const body = Buffer.from(signed.body);
  const signature = Buffer.from(signed.signature, "base64url");
  for (let bit = 0; bit < body.length * 8; bit += 3) {
    const changed = Buffer.from(body);
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    const attempt = { body: changed.toString("latin1"), signature: signed.signature };
    expect(codeOf(() => openManifest(attempt, ROUTER.publicKey))).toBe("bad-signature");
  }
  for (let bit = 0; bit < signature.length * 8; bit++) {
    const changed = Buffer.from(signature);
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    const attempt = { body: signed.body, signature: toBase64Url(changed) };
    expect(codeOf(() => openManifest(attempt, ROUTER.publicKey))).toBe("bad-signature");
  }
});

test("openManifest() refuses another Router's manifest", () => {
  const signed = signManifest(MANIFEST, ROUTER);
  expect(codeOf(() => openManifest(signed, generateIdentity().publicKey))).toBe("bad-signature");
});

test("openManifest() refuses signed nonsense with the field to blame", () => {
  const cases: [unknown, string][] = [
    ["{", "bad-manifest"],
    [null, "bad-manifest"],
    [{ ...MANIFEST, version: 2 }, "bad-manifest"],
    [{ ...MANIFEST, size: -1 }, "bad-manifest"],
    [{ ...MANIFEST, pieceSize: 1024 }, "bad-manifest"],
    [{ ...MANIFEST, pieces: "=" }, "bad-manifest"],
    [{ ...MANIFEST, expiresAt: 999 }, "bad-manifest"],
    [{ ...MANIFEST, site: "" }, "bad-manifest"],
    [{ ...MANIFEST, headers: Array(65).fill(["a", "b"]) }, "bad-manifest"],
    [{ ...MANIFEST, headers: [["bad name", ""]] }, "bad-manifest"],
    [{ ...MANIFEST, headers: [["Content-Length", "5"]] }, "bad-manifest"],
    [{ ...MANIFEST, headers: [["transfer-encoding", "chunked"]] }, "bad-manifest"],
    [{ ...MANIFEST, headers: [["a", "x\r\ny: z"]] }, "bad-manifest"],
    [{ ...MANIFEST, headers: [["a", "\u0100"]] }, "bad-manifest"],
    [{ ...MANIFEST, headers: Array(9).fill(["a", "x".repeat(8192)]) }, "bad-manifest"],
    [{ ...MANIFEST, headers: [["Content-Type", "text/html"]] }, "headers-mismatch"],
    [{ ...MANIFEST, size: MANIFEST.size - 1 }, "pieces-mismatch"],
    [{ ...MANIFEST, sha256: "00".repeat(32) }, "pieces-mismatch"],
    [{ ...MANIFEST, pieces: "" }, "pieces-mismatch"],
  ];
  for (const [value, code] of cases) {
    expect([value, codeOf(() => openManifest(signBlindly(value), ROUTER.publicKey))]).toEqual([value, code]);
  }
  expect(() => openManifest(signBlindly({ ...MANIFEST, size: -1 }), ROUTER.publicKey)).toThrow(
    "manifest.size: found -1",
  );
});

test("openManifest() throws nothing but ProtocolError", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json()), (body) => {
      return codeOf(() => openManifest(signBlindly(body), ROUTER.publicKey)) === "bad-manifest";
    }),
  );
  const deep = "[".repeat(1_000_000);
  expect(codeOf(() => openManifest(signBlindly(deep), ROUTER.publicKey))).toBe("bad-manifest");
});

test("signManifest() signs nothing that a Terminal would refuse", () => {
  expect(codeOf(() => signManifest({ ...MANIFEST, headersId: "00".repeat(8) }, ROUTER))).toBe("headers-mismatch");
  expect(codeOf(() => signManifest({ ...MANIFEST, issuedAt: 3000 }, ROUTER))).toBe("bad-manifest");
});

test("headersIdOf() depends on order, names and values", () => {
  const lists: [string, string][][] = [
    [],
    [["a", "b"]],
    [["A", "b"]],
    [
      ["a", "b"],
      ["c", "d"],
    ],
    [
      ["c", "d"],
      ["a", "b"],
    ],
  ];
  expect(new Set(lists.map(headersIdOf)).size).toBe(lists.length);
});

test("withPieces() accepts the right list and no other", () => {
  const { pieces: _, ...apart } = MANIFEST;
  const opened = openManifest(signManifest(apart, ROUTER), ROUTER.publicKey);
  const { pieces, ...object } = describe(new Uint8Array(PIECE_BYTES + 1));
  expect(inlinePieces(opened)).toBeUndefined();
  expect(inlinePieces(MANIFEST)).toEqual(Buffer.from(pieces));
  expect(withPieces(opened, pieces)).toEqual({ ...object, pieces });
  expect(codeOf(() => withPieces(opened, pieces.subarray(32)))).toBe("pieces-mismatch");
  expect(codeOf(() => withPieces(opened, new Uint8Array(64)))).toBe("pieces-mismatch");
});

test("a manifest with the most pieces and headers still fits a control frame", () => {
  const pieces = new Uint8Array(MAX_INLINE_PIECES * 32).fill(3);
  const shape = { size: MAX_INLINE_PIECES * PIECE_BYTES, pieceSize: PIECE_BYTES, sha256: "00".repeat(32) };
  const headers = Array.from({ length: 8 }, (): [string, string] => ["x", '"'.repeat(8191)]);
  const objectId = deriveObjectId({ ...shape, treeRoot: treeRoot(pieces) });
  const headersId = headersIdOf(headers);
  const signed = signManifest(
    { ...MANIFEST, ...shape, objectId, pieces: toBase64Url(pieces), headers, headersId },
    ROUTER,
  );
  expect(openManifest(signed, ROUTER.publicKey).objectId).toBe(objectId);
  expect(Buffer.byteLength(JSON.stringify(signed))).toBeLessThan(MAX_FRAME_BYTES / 4);
});
