import { createHash } from "node:crypto";
import { toBase64Url } from "@neson/protocol/bytes";
import { generateIdentity, type Identity } from "@neson/protocol/identity";
import { headersIdOf, type Manifest, signManifest } from "@neson/protocol/manifest";
import type { RouterMessage } from "@neson/protocol/messages";
import { type ObjectDescription, ObjectHasher } from "@neson/protocol/object";

/** Bytes that look random and are the same for the same seed. */
export function seededBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Numbers in [0, 1) that are the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The description a Router would make of these bytes. */
export function describeBytes(bytes: Uint8Array): ObjectDescription {
  const hasher = new ObjectHasher();
  hasher.update(bytes);
  return hasher.finish();
}

/** SHA-256 as 64 hex characters. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** An object with one header set, as a Router would publish it. */
export interface Published {
  bytes: Uint8Array;
  description: ObjectDescription;
  headersId: string;
  manifest: Manifest;
}

const DEFAULT_HEADERS: [string, string][] = [
  ["content-type", "video/mp4"],
  ["etag", '"a1"'],
  ["cache-control", "max-age=60"],
];

/** Makes an object with one header set, and the manifest that describes both. */
export function publish(
  bytes: Uint8Array,
  options: { headers?: [string, string][]; inline?: boolean; expiresAt?: number } = {},
): Published {
  const description = describeBytes(bytes);
  const headers = options.headers ?? DEFAULT_HEADERS;
  const { objectId, size, sha256, pieces } = description;
  const issuedAt = Math.floor(Date.now() / 1000) - 10;
  const manifest: Manifest = {
    version: 1,
    objectId,
    size,
    pieceSize: 262_144,
    sha256,
    ...(options.inline === false ? {} : { pieces: toBase64Url(pieces) }),
    headers,
    headersId: headersIdOf(headers),
    site: "demo",
    issuedAt: Math.min(issuedAt, options.expiresAt ?? issuedAt),
    expiresAt: options.expiresAt ?? issuedAt + 3600,
  };
  return { bytes, description, headersId: manifest.headersId, manifest };
}

/** The Router key that tests sign with unless they bring their own. */
const testIdentity: Identity = generateIdentity();

/** The `save` that orders an object from a source, in the background. */
export function saveOf(
  published: Published,
  fillUrl: string,
  identity = testIdentity,
): Extract<RouterMessage, { type: "save" }> {
  return { type: "save", manifest: signManifest(published.manifest, identity), fillUrl, priority: "background" };
}
