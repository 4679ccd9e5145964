import { expect, test } from "bun:test";
import { fromHex, toHex } from "../bytes.ts";
import { deriveFillKey, openFillTicket } from "../fill-ticket.ts";
import { identityFromSeed, verifySignature } from "../identity.ts";
import { IndexDigest } from "../index-digest.ts";
import { headersIdOf, openManifest, withPieces } from "../manifest.ts";
import { auditBytes, helloBytes, pingBytes } from "../messages.ts";
import { writeMetalink } from "../metalink.ts";
import { describesObject, ObjectHasher } from "../object.ts";
import { deriveRouterTagKey, deriveTicketKey, openTicket, readClaimTicket, sealTicket, siteIdOf } from "../ticket.ts";
import { HASH_BYTES, treeRoot, verifyProof } from "../tree.ts";
import fillTicketVectors from "./fill-ticket.json";
import { buildVectors, patternBytes } from "./generate.ts";
import helloVectors from "./hello.json";
import indexVectors from "./index-digest.json";
import manifestVectors from "./manifest.json";
import metalinkVectors from "./metalink.json";
import objectVectors from "./object.json";
import ticketVectors from "./ticket.json";
import treeVectors from "./tree.json";

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (bytes === undefined) throw new Error(`vector: not hex: ${hex}`);
  return bytes;
}

const joined = (list: string[]) => bytesOf(list.join(""));

test("vector files are what the generator writes", () => {
  expect<unknown>(JSON.parse(JSON.stringify(buildVectors()))).toEqual({
    object: objectVectors,
    tree: treeVectors,
    manifest: manifestVectors,
    ticket: ticketVectors,
    "fill-ticket": fillTicketVectors,
    "index-digest": indexVectors,
    hello: helloVectors,
    metalink: metalinkVectors,
  });
});

test("ObjectHasher meets object.json", () => {
  for (const { treeRoot: root, ...expected } of objectVectors.cases) {
    const hasher = new ObjectHasher();
    hasher.update(patternBytes(expected.size));
    const description = hasher.finish();
    expect<unknown>(description).toEqual({ ...expected, pieces: joined(expected.pieces) });
    expect(toHex(treeRoot(description.pieces))).toBe(root);
    expect(describesObject(description)).toBe(true);
  }
});

test("verifyProof() meets tree.json", () => {
  for (const { pieceCount, root, proofs } of treeVectors.cases) {
    const leaves = Buffer.concat(
      Array.from({ length: pieceCount }, (_, i) => new Bun.CryptoHasher("sha256").update(Uint8Array.of(i)).digest()),
    );
    expect(toHex(treeRoot(leaves))).toBe(root);
    for (const [index, proof] of proofs.entries()) {
      const leaf = leaves.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
      expect(verifyProof({ root: bytesOf(root), pieceCount, index, leaf, proof: proof.map(bytesOf) })).toBe(true);
    }
  }
});

test("openManifest() meets manifest.json", () => {
  expect(headersIdOf([])).toBe(manifestVectors.emptyHeadersId);
  for (const { manifest, signed } of manifestVectors.cases) {
    const opened = openManifest(signed, manifestVectors.routerKey);
    expect<unknown>(opened).toEqual(manifest);
    expect(withPieces(opened, joined(manifestVectors.pieces)).objectId).toBe(manifest.objectId);
  }
});

test("openTicket() and readClaimTicket() meet ticket.json", () => {
  const { terminalId, ticket, text, siteHost, nowSeconds, refusedClaim } = ticketVectors;
  const masterKey = bytesOf(ticketVectors.masterKey);
  const terminalKey = deriveTicketKey(masterKey, terminalId, ticket.keyDay);
  const routerTagKey = deriveRouterTagKey(masterKey);
  expect(toHex(terminalKey)).toBe(ticketVectors.terminalKey);
  expect(toHex(routerTagKey)).toBe(ticketVectors.routerTagKey);
  expect(siteIdOf(ticketVectors.siteName)).toBe(ticket.siteId);
  expect(sealTicket(ticket, { routerTagKey, terminalKey, siteHost })).toBe(text);
  const keyFor = (day: number) => (day === ticket.keyDay ? terminalKey : undefined);
  const context = { terminalId, keyFor, siteHost, nowSeconds };
  expect(openTicket(text, context)).toEqual({ ok: true, ticket });
  expect(openTicket(ticketVectors.emptyObjectText, context)).toMatchObject({ ok: true, ticket: { lastByte: 0 } });
  for (const { why, reason, text: refused } of ticketVectors.refused) {
    expect({ why, verdict: openTicket(refused, context) }).toMatchObject({ why, verdict: { ok: false, reason } });
  }
  expect(readClaimTicket(text, { routerTagKey })).toEqual({ ok: true, ticket });
  expect(readClaimTicket(refusedClaim.text, { routerTagKey })).toMatchObject({
    ok: false,
    reason: refusedClaim.reason,
  });
});

test("openFillTicket() meets fill-ticket.json", () => {
  const { masterKey, key, ticket, text } = fillTicketVectors;
  expect(toHex(deriveFillKey(bytesOf(masterKey)))).toBe(key);
  expect(openFillTicket(text, bytesOf(key), ticket.expiresAt - 1)).toEqual({ ok: true, ticket });
});

test("IndexDigest meets index-digest.json", () => {
  const digest = new IndexDigest();
  expect(digest.toString()).toBe(indexVectors.empty);
  for (const step of indexVectors.steps) {
    const [objectId, headersId] = step.add as [string, string];
    digest.add(objectId, headersId);
    expect(digest.toString()).toBe(step.digest);
  }
});

test("hello, ping and audit signatures meet hello.json", () => {
  const { publicKey, nonce, endpoint, helloSignature, pingSignature } = helloVectors;
  const identity = identityFromSeed(bytesOf(helloVectors.terminalSeed));
  const hello = helloBytes({ nonce, publicKey, endpoint });
  expect(identity.publicKey).toBe(publicKey);
  expect(toHex(hello)).toBe(helloVectors.helloBytes);
  expect(identity.sign(hello)).toBe(helloSignature);
  expect(verifySignature(publicKey, hello, helloSignature)).toBe(true);
  expect(toHex(auditBytes(helloVectors.audit))).toBe(helloVectors.auditBytes);
  expect(identity.sign(auditBytes(helloVectors.audit))).toBe(helloVectors.auditSignature);
  expect(toHex(pingBytes(nonce))).toBe(helloVectors.pingBytes);
  expect(verifySignature(publicKey, pingBytes(nonce), pingSignature)).toBe(true);
});

test("writeMetalink() meets metalink.json", () => {
  const { file, document } = metalinkVectors;
  expect(writeMetalink({ ...file, pieces: joined(file.pieces) })).toBe(document);
});
