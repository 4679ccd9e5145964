import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fromBase64Url, fromHex, sha256, toHex } from "@neson/protocol/bytes";
import { generateIdentity, verifySignature } from "@neson/protocol/identity";
import { auditBytes, parseTerminalFrame, type TerminalMessage } from "@neson/protocol/messages";
import { treeRoot, verifyProof } from "@neson/protocol/tree";
import { describeBytes, seededBytes } from "../testing/objects.ts";
import { openTestStore } from "../testing/start-store.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { Auditor } from "./audit.ts";

const PIECE = 262_144;
const bytes = seededBytes(4 * PIECE + 1000, 1);
const description = describeBytes(bytes);
const identity = generateIdentity();
const nonce = "ab".repeat(32);

function open(dataDir: string, isWhole = true) {
  const opened = openTestStore(dataDir);
  const { store, layout } = opened;
  const object = store.begin(description);
  const path = layout.objectPath(object.objectId);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  if (isWhole) store.setWhole(object, "s");
  const auditor = new Auditor({ store, layout, identity });
  const ask = (pieceIndex: number, objectId = description.objectId) =>
    auditor.answer({ type: "audit", id: "a1", objectId, pieceIndex, nonce, deadlineMs: 1000 });
  return { ...opened, object, path, ask, [Symbol.dispose]: () => opened[Symbol.dispose]() };
}

/** The answer's content, once it is one that may be sent and its signature is right. */
function checked(
  message: Extract<TerminalMessage, { type: "audit.answer" }>,
  pieceIndex: number,
  objectId = description.objectId,
) {
  expect(parseTerminalFrame(JSON.stringify(message))).toEqual(message);
  const { answer, signature } = message;
  const piece = "piece" in answer ? fromBase64Url(answer.piece) : undefined;
  const pieceSha256 = piece === undefined ? "0".repeat(64) : toHex(sha256(piece));
  const signed = auditBytes({ nonce, objectId, pieceIndex, pieceSha256 });
  expect(verifySignature(identity.publicKey, signed, signature)).toBe(true);
  return answer;
}

test.each([0, 3, 4])("Auditor shows piece %d with a proof that leads to the root", async (index) => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  const answer = checked(await run.ask(index), index);
  if (!("piece" in answer)) throw new Error(answer.missing);
  const piece = fromBase64Url(answer.piece) ?? new Uint8Array();
  expect(Buffer.compare(piece, bytes.subarray(index * PIECE, (index + 1) * PIECE))).toBe(0);
  const proof = answer.proof.map((hash) => fromHex(hash) ?? new Uint8Array());
  const root = treeRoot(description.pieces);
  expect(verifyProof({ root, pieceCount: 5, index, leaf: sha256(piece), proof })).toBe(true);
});

test("Auditor says what stands in the way, signed, when it has no such piece", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path, false);
  const other = "cd".repeat(32);
  expect(checked(await run.ask(0, other), 0, other)).toEqual({ missing: "the object is not here" });
  expect(checked(await run.ask(0), 0)).toEqual({ missing: "the object is partial" });
  run.store.setWhole(run.object, "s");
  expect(checked(await run.ask(5), 5)).toEqual({ missing: "there is no piece 5, but 5 in all" });
});

test("Auditor owns up, and has the piece fetched again, when it has changed on disk", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  writeFileSync(run.path, bytes.with(PIECE, (bytes[PIECE] ?? 0) ^ 1));
  expect(checked(await run.ask(0), 0)).toHaveProperty("piece");
  expect(checked(await run.ask(1), 1)).toEqual({ missing: "the piece has changed on disk" });
  expect(run.object.state).toBe("partial");
});

test("Auditor turns away what comes while many are open, and answers again afterwards", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path);
  const answers = await Promise.all(Array.from({ length: 20 }, () => run.ask(1)));
  const shown = answers.filter(({ answer }) => "piece" in answer);
  expect(shown).toHaveLength(8);
  expect(answers[19]?.answer).toEqual({ missing: "8 spot checks are open, the most at once" });
  expect(checked(await run.ask(1), 1)).toHaveProperty("piece");
});
