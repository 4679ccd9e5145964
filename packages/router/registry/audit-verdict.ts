import { createHash } from "node:crypto";
import { equalBytes, fromBase64Url, fromHex, toHex } from "@neson/protocol/bytes";
import { verifySignature } from "@neson/protocol/identity";
import { auditBytes, type TerminalMessage } from "@neson/protocol/messages";
import { HASH_BYTES, treeRoot, verifyProof } from "@neson/protocol/tree";
import type { CheckOutcome } from "./tracks.ts";

/** What a Terminal answers to a spot check. */
export type AuditAnswer = Extract<TerminalMessage, { type: "audit.answer" }>;

/** A spot check as it was asked. */
export interface AuditQuestion {
  nonce: string;
  objectId: string;
  pieceIndex: number;
  /** Hex; the Terminal's. */
  publicKey: string;
  /** The object's piece list from the catalog, which has a piece of that index. */
  pieces: Uint8Array;
}

/** What an answer shows, and why, for people. */
export interface AuditVerdict {
  outcome: Exclude<CheckOutcome, "offline">;
  detail: string;
}

const NO_PIECE = "0".repeat(64);

/** Judges an answer that came in time. Wrong bytes and wrong signatures are `corrupt`; a piece it says it cannot give is `unknown`. */
export function judgeAudit(question: AuditQuestion, { answer, signature }: AuditAnswer): AuditVerdict {
  const { nonce, objectId, pieceIndex, publicKey, pieces } = question;
  const piece = "piece" in answer ? fromBase64Url(answer.piece) : undefined;
  const leaf = piece === undefined ? undefined : createHash("sha256").update(piece).digest();
  const pieceSha256 = leaf === undefined ? NO_PIECE : toHex(leaf);
  const signed = auditBytes({ nonce, objectId, pieceIndex, pieceSha256 });
  if (!verifySignature(publicKey, signed, signature)) {
    return {
      outcome: "corrupt",
      detail: "the answer is not signed by the Terminal's key over this question and piece",
    };
  }
  if ("missing" in answer) return { outcome: "unknown", detail: "it says that it cannot give the piece" };
  const expected = pieces.subarray(pieceIndex * HASH_BYTES, (pieceIndex + 1) * HASH_BYTES);
  if (leaf === undefined || !equalBytes(leaf, expected)) {
    return { outcome: "corrupt", detail: `its piece has SHA-256 ${pieceSha256}, allowed: ${toHex(expected)}` };
  }
  const proof = answer.proof.map((hash) => fromHex(hash) ?? new Uint8Array());
  const pieceCount = pieces.length / HASH_BYTES;
  if (!verifyProof({ root: treeRoot(pieces), pieceCount, index: pieceIndex, leaf, proof })) {
    return { outcome: "corrupt", detail: "its piece is right, its proof does not lead to the object's root" };
  }
  return { outcome: "good", detail: "the piece, its proof and the signature are right" };
}
