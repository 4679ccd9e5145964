/**
 * Writes the JSON test vectors of the open specification: `bun packages/protocol/vectors/generate.ts`, then format.
 * Every input is fixed, so a change in the output is a change of the protocol.
 */
import { hmacSha256, sha256, toBase64Url, toHex } from "../bytes.ts";
import { deriveFillKey, sealFillTicket } from "../fill-ticket.ts";
import { digestHeader, reprDigestHeader } from "../http-digest.ts";
import { identityFromSeed, terminalIdOf } from "../identity.ts";
import { IndexDigest } from "../index-digest.ts";
import { headersIdOf, type Manifest, signManifest } from "../manifest.ts";
import { auditBytes, helloBytes, pingBytes } from "../messages.ts";
import { writeMetalink } from "../metalink.ts";
import { ObjectHasher, PIECE_BYTES } from "../object.ts";
import { deriveRouterTagKey, deriveTicketKey, sealTicket, siteIdOf, type Ticket, ticketKeyDay } from "../ticket.ts";
import { HASH_BYTES, proofOf, treeRoot } from "../tree.ts";

const MASTER_KEY = sha256(Buffer.from("neson vectors: master key"));
const ROUTER = identityFromSeed(sha256(Buffer.from("neson vectors: Router")));
const TERMINAL = identityFromSeed(sha256(Buffer.from("neson vectors: Terminal")));
const TERMINAL_ID = terminalIdOf(TERMINAL.publicKey);
const NOW_SECONDS = 1_800_000_000;
const HEADERS: [string, string][] = [
  ["content-type", "video/mp4"],
  ["etag", '"a1\\b2"'],
  ["set-cookie", "a=1"],
  ["set-cookie", "b=2"],
  ["x-name", "caf\u00e9"],
];

/** The object that vectors describe: byte number i is i mod 251. */
export function patternBytes(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => i % 251);
}

/** Every vector file's content, by file name without its ending. */
export function buildVectors(): Record<string, object> {
  return {
    object: objectVectors(),
    tree: treeVectors(),
    manifest: manifestVectors(),
    ticket: ticketVectors(),
    "fill-ticket": fillTicketVectors(),
    "index-digest": indexDigestVectors(),
    hello: helloVectors(),
    metalink: metalinkVectors(),
  };
}

function describePattern(size: number) {
  const hasher = new ObjectHasher();
  hasher.update(patternBytes(size));
  return hasher.finish();
}

function listOf(pieces: Uint8Array): string[] {
  return Array.from({ length: pieces.length / HASH_BYTES }, (_, i) =>
    toHex(pieces.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)),
  );
}

function objectVectors() {
  const sizes = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, 5 * PIECE_BYTES + 17];
  const cases = sizes.map((size) => {
    const { pieces, ...rest } = describePattern(size);
    return { ...rest, pieces: listOf(pieces), treeRoot: toHex(treeRoot(pieces)) };
  });
  return { content: "byte number i is i mod 251", cases };
}

function treeVectors() {
  const cases = [1, 2, 3, 5, 7, 8].map((count) => {
    const leaves = Buffer.concat(Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(i))));
    const proofs = Array.from({ length: count }, (_, i) => proofOf(leaves, i).map(toHex));
    return { pieceCount: count, root: toHex(treeRoot(leaves)), proofs };
  });
  return { leaves: "leaf number i is SHA-256 of the one byte i", cases };
}

function manifestVectors() {
  const { pieces, ...object } = describePattern(2 * PIECE_BYTES + 3);
  const inline: Manifest = {
    version: 1,
    ...object,
    pieces: toBase64Url(pieces),
    headers: HEADERS,
    headersId: headersIdOf(HEADERS),
    site: "example",
    issuedAt: NOW_SECONDS,
    expiresAt: NOW_SECONDS + 86_400,
  };
  const { pieces: _, ...apart } = inline;
  const base = { routerSeed: toHex(ROUTER.seed), routerKey: ROUTER.publicKey };
  return {
    ...base,
    emptyHeadersId: headersIdOf([]),
    cases: [inline, apart].map((manifest) => ({ manifest, signed: signManifest(manifest, ROUTER) })),
    pieces: listOf(pieces),
  };
}

function ticketVectors() {
  const keyDay = ticketKeyDay(NOW_SECONDS);
  const terminalKey = deriveTicketKey(MASTER_KEY, TERMINAL_ID, keyDay);
  const routerTagKey = deriveRouterTagKey(MASTER_KEY);
  const siteHost = "video.example.com:8080";
  const ticket: Ticket = {
    keyDay,
    terminalId16: TERMINAL_ID.slice(0, 32),
    objectId: describePattern(PIECE_BYTES).objectId,
    headersId: headersIdOf(HEADERS),
    siteId: siteIdOf("example"),
    firstByte: 5_000_000_000,
    lastByte: 2 ** 40 - 1,
    maxBytes: 2 ** 53 - 1,
    expiresAt: NOW_SECONDS + 600,
    nonce: "000102030405060708090a0b0c0d0e01",
    clientNetwork: "f0e0d0c0b0a09080",
  };
  const seal = { routerTagKey, terminalKey, siteHost };
  const text = sealTicket(ticket, seal);
  const whole = sealTicket({ ...ticket, firstByte: 0, lastByte: 0, maxBytes: 0 }, seal);
  const otherRouter = hmacSha256(MASTER_KEY, "another key");
  return {
    masterKey: toHex(MASTER_KEY),
    terminalId: TERMINAL_ID,
    terminalKey: toHex(terminalKey),
    routerTagKey: toHex(routerTagKey),
    siteName: "example",
    siteHost,
    nowSeconds: NOW_SECONDS,
    ticket,
    text,
    emptyObjectText: whole,
    refused: [
      { why: "one character too many", reason: "over-long", text: `${text}A` },
      { why: "one character too few", reason: "malformed", text: text.slice(1) },
      { why: "not base64url", reason: "malformed", text: `${text.slice(0, -1)}=` },
      { why: "version 2", reason: "malformed", text: `Ag${text.slice(2)}` },
      {
        why: "another Terminal's",
        reason: "foreign",
        text: sealTicket({ ...ticket, terminalId16: "00".repeat(16) }, seal),
      },
      { why: "a day without a key", reason: "unknown-key", text: sealTicket({ ...ticket, keyDay: keyDay - 9 }, seal) },
      { why: "another host", reason: "forged", text: sealTicket(ticket, { ...seal, siteHost: "evil.example" }) },
      { why: "another key", reason: "forged", text: sealTicket(ticket, { ...seal, terminalKey: otherRouter }) },
      { why: "its second has come", reason: "expired", text: sealTicket({ ...ticket, expiresAt: NOW_SECONDS }, seal) },
    ],
    refusedClaim: { reason: "forged", text: sealTicket(ticket, { ...seal, routerTagKey: otherRouter }) },
  };
}

function fillTicketVectors() {
  const key = deriveFillKey(MASTER_KEY);
  const ticket = { objectId: describePattern(1).objectId, terminalId: TERMINAL_ID, expiresAt: NOW_SECONDS + 3600 };
  return { masterKey: toHex(MASTER_KEY), key: toHex(key), ticket, text: sealFillTicket(ticket, key) };
}

function indexDigestVectors() {
  const pairs = [0, 1, 2].map((size) => [describePattern(size).objectId, headersIdOf(HEADERS.slice(size))] as const);
  const digest = new IndexDigest();
  const steps = pairs.map(([objectId, headersId]) => {
    digest.add(objectId, headersId);
    return { add: [objectId, headersId], digest: digest.toString() };
  });
  return { empty: new IndexDigest().toString(), steps };
}

function helloVectors() {
  const nonce = toHex(sha256(Buffer.from("neson vectors: nonce")));
  const endpoint = "https://t1.example.net:8443";
  const hello = helloBytes({ nonce, publicKey: TERMINAL.publicKey, endpoint });
  const { objectId, pieces } = describePattern(PIECE_BYTES + 1);
  const audit = { nonce, objectId, pieceIndex: 1, pieceSha256: toHex(pieces.subarray(32, 64)) };
  return {
    terminalSeed: toHex(TERMINAL.seed),
    publicKey: TERMINAL.publicKey,
    terminalId: TERMINAL_ID,
    nonce,
    endpoint,
    helloBytes: toHex(hello),
    helloSignature: TERMINAL.sign(hello),
    pingBytes: toHex(pingBytes(nonce)),
    pingSignature: TERMINAL.sign(pingBytes(nonce)),
    audit,
    auditBytes: toHex(auditBytes(audit)),
    auditSignature: TERMINAL.sign(auditBytes(audit)),
  };
}

function metalinkVectors() {
  const { pieces, ...object } = describePattern(PIECE_BYTES + 1);
  const file = {
    name: "films/a & b <1>.mp4",
    size: object.size,
    sha256: object.sha256,
    pieceSize: object.pieceSize,
    urls: [
      { url: "https://t2.example.net/v1/T2/video.example.com/a.mp4?x=1&y=2", priority: 2 },
      { url: "https://t1.example.net/v1/T1/video.example.com/a.mp4?x=1&y=2", priority: 1 },
    ],
  };
  return {
    file: { ...file, pieces: listOf(pieces) },
    document: writeMetalink({ ...file, pieces }),
    digest: digestHeader(object.sha256),
    reprDigest: reprDigestHeader(object.sha256),
  };
}

if (import.meta.main) {
  for (const [name, content] of Object.entries(buildVectors())) {
    await Bun.write(`${import.meta.dir}/${name}.json`, `${JSON.stringify(content, null, 2)}\n`);
  }
}
