import { toHex } from "./bytes.ts";
import { HASH_BYTES } from "./tree.ts";

/** Media type of a Metalink document (RFC 5854 section 7). */
export const MEDIA_TYPE = "application/metalink4+xml";

/** One file and where to get it. */
export interface MetalinkFile {
  /** Name to save it under; only the part after the last slash is used. */
  name: string;
  /** Bytes. */
  size: number;
  /** SHA-256 of the whole, hex. */
  sha256: string;
  /** Bytes of every piece but the last. */
  pieceSize: number;
  /** Piece hashes, 32 bytes each. */
  pieces: Uint8Array;
  /** Sources; priority 1 is tried first, 999999 last. */
  urls: readonly { url: string; priority: number }[];
}

/** A Metalink document (RFC 5854) with the whole's hash, the piece hashes and the sources in order of priority. */
export function writeMetalink(file: MetalinkFile): string {
  const urls = [...file.urls].sort((a, b) => a.priority - b.priority);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<metalink xmlns="urn:ietf:params:xml:ns:metalink">',
    `  <file name="${escapeXml(fileName(file.name))}">`,
    `    <size>${file.size}</size>`,
    `    <hash type="sha-256">${escapeXml(file.sha256)}</hash>`,
    ...pieceLines(file),
    ...urls.map(({ url, priority }) => `    <url priority="${priority}">${escapeXml(url)}</url>`),
    "  </file>",
    "</metalink>",
    "",
  ].join("\n");
}

function pieceLines(file: MetalinkFile): string[] {
  if (file.size === 0) return []; // clients count pieces as size / length and would find one too many
  const lines = [`    <pieces length="${file.pieceSize}" type="sha-256">`];
  for (let at = 0; at < file.pieces.length; at += HASH_BYTES) {
    lines.push(`      <hash>${toHex(file.pieces.subarray(at, at + HASH_BYTES))}</hash>`);
  }
  lines.push("    </pieces>");
  return lines;
}

// RFC 5854 section 4.1.2.1: a name must not climb out of the directory the client saves to.
function fileName(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  return last === "" || last === "." || last === ".." ? "download" : last;
}

function escapeXml(text: string): string {
  return stripForbidden(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

// XML 1.0 section 2.2: these characters may not appear at all, not even escaped.
function stripForbidden(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being removed
  return text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "");
}
