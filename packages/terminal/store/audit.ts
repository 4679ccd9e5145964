import { type FileHandle, open } from "node:fs/promises";
import { describeError } from "@neson/kit/error";
import { sha256, toBase64Url, toHex } from "@neson/protocol/bytes";
import type { Identity } from "@neson/protocol/identity";
import { auditBytes, type RouterMessage, type TerminalMessage } from "@neson/protocol/messages";
import { type ObjectDescription, pieceCount, pieceSpan } from "@neson/protocol/object";
import { proofOf } from "@neson/protocol/tree";
import type { Layout } from "./layout.ts";
import type { ObjectStore } from "./object-store.ts";
import { isPiece, readFully } from "./verify-pieces.ts";

/** Answered at once; what comes beyond is told so. Each reads one piece and hashes one piece list. */
const MAX_OPEN = 8;
const NO_PIECE = "0".repeat(64);

type Audit = Extract<RouterMessage, { type: "audit" }>;
type AuditAnswer = Extract<TerminalMessage, { type: "audit.answer" }>;

/** What answering spot checks needs. */
export interface AuditorDeps {
  store: ObjectStore;
  layout: Layout;
  identity: Identity;
}

/** Answers spot checks: shows a piece, read from disk at that moment, with its way to the tree's root, or says why it cannot. */
export class Auditor {
  readonly #deps: AuditorDeps;
  #openCount = 0;

  constructor(deps: AuditorDeps) {
    this.#deps = deps;
  }

  /** Never rejects. */
  async answer(audit: Audit): Promise<AuditAnswer> {
    if (this.#openCount >= MAX_OPEN) return this.#sign(audit, `${MAX_OPEN} spot checks are open, the most at once`);
    this.#openCount++;
    try {
      return await this.#answer(audit);
    } catch (error) {
      return this.#sign(audit, describeError(error));
    } finally {
      this.#openCount--;
    }
  }

  async #answer(audit: Audit): Promise<AuditAnswer> {
    const { store, layout } = this.#deps;
    const object = store.find(audit.objectId);
    if (object?.state !== "whole") return this.#sign(audit, `the object is ${object?.state ?? "not here"}`);
    const description = store.describe(object);
    if (description === undefined) return this.#sign(audit, "the index has lost the object");
    const count = pieceCount(object.size, object.pieceSize);
    if (audit.pieceIndex >= count)
      return this.#sign(audit, `there is no piece ${audit.pieceIndex}, but ${count} in all`);
    const piece = await readPiece(layout.objectPath(object.objectId), description, audit.pieceIndex);
    if (isPiece(description.pieces, audit.pieceIndex, piece)) return this.#sign(audit, { piece, description });
    store.setDamaged(object);
    return this.#sign(audit, "the piece has changed on disk");
  }

  #sign(audit: Audit, found: string | { piece: Uint8Array; description: ObjectDescription }): AuditAnswer {
    const { id, nonce, objectId, pieceIndex } = audit;
    const isMissing = typeof found === "string";
    const pieceSha256 = isMissing ? NO_PIECE : toHex(sha256(found.piece));
    const signature = this.#deps.identity.sign(auditBytes({ nonce, objectId, pieceIndex, pieceSha256 }));
    if (isMissing) return { type: "audit.answer", id, answer: { missing: found.slice(0, 300) }, signature };
    const proof = proofOf(found.description.pieces, pieceIndex).map(toHex);
    return { type: "audit.answer", id, answer: { piece: toBase64Url(found.piece), proof }, signature };
  }
}

async function readPiece(path: string, { size, pieceSize }: ObjectDescription, index: number): Promise<Uint8Array> {
  const { first, length } = pieceSpan(index, size, pieceSize);
  const piece = Buffer.allocUnsafe(length);
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw new Error("the object's file cannot be opened", { cause: error });
  }
  try {
    return piece.subarray(0, await readFully(file, piece, first));
  } finally {
    await file.close();
  }
}
