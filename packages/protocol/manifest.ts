import { createHash } from "node:crypto";
import { z } from "zod";
import { fromBase64Url } from "./bytes.ts";
import { ProtocolError } from "./error.ts";
import { base64UrlOf, countOf, describeIssue, headersIdField, hexOf, objectIdField } from "./fields.ts";
import { type Identity, verifySignature } from "./identity.ts";
import { describesObject, MAX_OBJECT_BYTES, type ObjectDescription, PIECE_BYTES, pieceCount } from "./object.ts";
import { HASH_BYTES } from "./tree.ts";

/** Up to this many pieces (1 GiB) the list travels inside the manifest; a longer one is fetched beside the object. */
export const MAX_INLINE_PIECES = 4096;

/** Bound on one signed manifest's text, so that it fits a control frame whatever it holds. */
const MAX_MANIFEST_CHARS = 1_048_576;

/** Bound on the names and values of one header set together. */
const MAX_HEADER_SET_CHARS = 65_536;

const MANIFEST_DOMAIN = "neson-manifest-1\n";
const HEADERS_DOMAIN = "neson-headers-1\n";

// RFC 9110 section 5.6.2 (token) and 5.5 (field-value): anything else could split the answer it is written into.
const headerName = z
  .string()
  .max(256)
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, "expected a field name");
const headerValue = z
  .string()
  .max(8192)
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, "expected a field value without controls");

// RFC 9112 section 6 and RFC 9110 sections 7.6.1 and 14.4: these describe one answer on one connection, not the object,
// so whoever writes the answer sets them. A stored one would make a Terminal's answer lie about its own length.
const FRAMING_NAMES = new Set(["connection", "content-length", "content-range", "transfer-encoding"]);

/** Header fields as `[name, value]` in the order to send them, repeated names kept. */
export const headerListSchema = z
  .array(z.tuple([headerName, headerValue]))
  .max(64)
  .refine((list) => list.every(([name]) => !FRAMING_NAMES.has(name.toLowerCase())), {
    message: `expected none of ${[...FRAMING_NAMES].join(", ")}`,
  })
  .refine((list) => list.reduce((sum, [name, value]) => sum + name.length + value.length, 0) <= MAX_HEADER_SET_CHARS, {
    message: `expected at most ${MAX_HEADER_SET_CHARS} characters of names and values`,
  });

/** What a Router says about one object and the header set to answer with. */
export const manifestSchema = z
  .object({
    version: z.literal(1),
    objectId: objectIdField,
    /** Bytes of the whole. */
    size: countOf(MAX_OBJECT_BYTES),
    /** Bytes of every piece but the last; version 1 has one size. */
    pieceSize: z.number().min(PIECE_BYTES).max(PIECE_BYTES),
    sha256: hexOf(32),
    /** The piece list as base64url; absent when longer than `MAX_INLINE_PIECES`. */
    pieces: z
      .string()
      .max(Math.ceil((MAX_INLINE_PIECES * HASH_BYTES * 4) / 3))
      .optional(),
    headers: headerListSchema,
    headersId: headersIdField,
    /** Name of the site it was published for. */
    site: z.string().min(1).max(255),
    /** Unix seconds. */
    issuedAt: countOf(0xffff_ffff),
    /** Unix seconds; no new save should be begun from this manifest afterwards. */
    expiresAt: countOf(0xffff_ffff),
  })
  .refine((manifest) => manifest.issuedAt <= manifest.expiresAt, {
    path: ["expiresAt"],
    message: "expected no time before issuedAt",
  });

/** See `manifestSchema`. */
export type Manifest = z.infer<typeof manifestSchema>;

/** A manifest as it travels: the signature is over exactly these characters, so they are kept as they came. */
export const signedManifestSchema = z.object({ body: z.string().max(MAX_MANIFEST_CHARS), signature: base64UrlOf(64) });

/** See `signedManifestSchema`. */
export type SignedManifest = z.infer<typeof signedManifestSchema>;

/**
 * Name of a header set: first 8 bytes of SHA-256("neson-headers-1\n" ‖ JSON of the list in UTF-8), 16 hex characters.
 *
 * The same bytes can be published at two URLs with different headers (type, ETag). Bytes are kept by object id, header
 * sets beside them by this id, and a ticket names both.
 */
export function headersIdOf(headers: readonly (readonly [string, string])[]): string {
  return createHash("sha256").update(HEADERS_DOMAIN).update(JSON.stringify(headers)).digest("hex").slice(0, 16);
}

/**
 * Signs a manifest with the Router's key, over "neson-manifest-1\n" ‖ body.
 *
 * @throws ProtocolError as `openManifest` does, so that nothing is signed which a Terminal would refuse
 */
export function signManifest(manifest: Manifest, identity: Identity): SignedManifest {
  const body = JSON.stringify(checkManifest(manifest));
  return { body, signature: identity.sign(signedBytes(body)) };
}

/**
 * Verifies a manifest and everything in it that can be verified without the object's bytes. Its expiry is the caller's
 * to check: this package has no clock.
 *
 * @param routerPublicKey hex
 * @throws ProtocolError `bad-signature`, `bad-manifest`, `headers-mismatch` or `pieces-mismatch`
 */
export function openManifest(signed: SignedManifest, routerPublicKey: string): Manifest {
  const { body, signature } = signed;
  if (body.length > MAX_MANIFEST_CHARS) {
    throw new ProtocolError("bad-manifest", `manifest of ${body.length} characters: at most ${MAX_MANIFEST_CHARS}`);
  }
  if (!verifySignature(routerPublicKey, signedBytes(body), signature)) {
    throw new ProtocolError("bad-signature", `manifest: not signed by the Router key ${routerPublicKey}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new ProtocolError("bad-manifest", "manifest: not JSON");
  }
  return checkManifest(value);
}

/** The piece list that travels inside the manifest; undefined when it must be fetched and given to `withPieces`. */
export function inlinePieces(manifest: Manifest): Uint8Array | undefined {
  return manifest.pieces === undefined ? undefined : fromBase64Url(manifest.pieces);
}

/**
 * The full description from a manifest and its piece list, wherever that came from.
 *
 * @throws ProtocolError `pieces-mismatch` when the list does not give the manifest's object id
 */
export function withPieces(manifest: Manifest, pieces: Uint8Array): ObjectDescription {
  const { objectId, size, pieceSize, sha256 } = manifest;
  const description = { objectId, size, pieceSize, sha256, pieces };
  if (describesObject(description)) return description;
  throw new ProtocolError(
    "pieces-mismatch",
    `piece list of ${pieces.length} bytes does not give object ${objectId} (${pieceCount(size, pieceSize)} pieces)`,
  );
}

function checkManifest(value: unknown): Manifest {
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const { field, text } = describeIssue("manifest", parsed.error, value);
    throw new ProtocolError("bad-manifest", text, field);
  }
  const manifest = parsed.data;
  const headersId = headersIdOf(manifest.headers);
  if (headersId !== manifest.headersId) {
    throw new ProtocolError(
      "headers-mismatch",
      `manifest: headersId is ${manifest.headersId}, but its headers give ${headersId}`,
      "manifest.headersId",
    );
  }
  if (manifest.pieces !== undefined) {
    const pieces = fromBase64Url(manifest.pieces);
    if (pieces === undefined)
      throw new ProtocolError("bad-manifest", "manifest.pieces: not base64url", "manifest.pieces");
    withPieces(manifest, pieces);
  }
  return manifest;
}

function signedBytes(body: string): Uint8Array {
  return Buffer.from(MANIFEST_DOMAIN + body);
}
