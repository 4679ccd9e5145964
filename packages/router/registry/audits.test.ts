import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { sha256, toBase64Url, toHex } from "@neson/protocol/bytes";
import { generateIdentity } from "@neson/protocol/identity";
import { auditBytes, type RouterMessage } from "@neson/protocol/messages";
import { ObjectHasher } from "@neson/protocol/object";
import { proofOf } from "@neson/protocol/tree";
import type { AuditAnswer } from "./audit-verdict.ts";
import { createAudits } from "./audits.ts";
import { connectTerminal, NOW_MS, type TestTerminal } from "./testing.ts";

const BYTES = Uint8Array.from({ length: 600_000 }, (_, i) => (i * 7) % 251);
const PIECE = 262_144;
const hasher = new ObjectHasher();
hasher.update(BYTES);
const { objectId, pieces } = hasher.finish();

type Question = Extract<RouterMessage, { type: "audit" }>;

function open() {
  const clock = new FakeClock(NOW_MS);
  const noted: [string, string][] = [];
  let nonces = 0;
  const audits = createAudits({
    catalog: { pieces: async (id) => (id === objectId ? pieces : undefined) },
    tracks: { noteCheck: async (_terminalId, outcome, reason) => void noted.push([outcome, reason]) },
    nonce: () => {
      nonces += 1;
      return nonces.toString(16).padStart(16, "0").padEnd(64, "0");
    },
    clock,
  });
  const at = connectTerminal();
  at.terminal.noteStored(objectId, "01".repeat(8));
  return { audits, clock, noted, at };
}

const questionsOf = ({ sent }: TestTerminal) => sent.filter((message): message is Question => message.type === "audit");

/** An honest answer, to be spoilt by the caller. */
function answerTo(question: Question, { identity }: TestTerminal, piece = pieceAt(question.pieceIndex)): AuditAnswer {
  const pieceSha256 = toHex(sha256(piece));
  return {
    type: "audit.answer",
    id: question.id,
    answer: { piece: toBase64Url(piece), proof: proofOf(pieces, question.pieceIndex).map(toHex) },
    signature: identity.sign(auditBytes({ ...question, pieceSha256 })),
  };
}

const pieceAt = (index: number) => BYTES.subarray(index * PIECE, (index + 1) * PIECE);

function missing(question: Question, { identity }: TestTerminal): AuditAnswer {
  const signature = identity.sign(auditBytes({ ...question, pieceSha256: "0".repeat(64) }));
  return { type: "audit.answer", id: question.id, answer: { missing: "disk error" }, signature };
}

async function askAndAnswer(pieceIndex: number, answer: (question: Question, at: TestTerminal) => AuditAnswer) {
  const { audits, noted, at } = open();
  const report = audits.ask(at.terminal, { objectId, pieceIndex });
  await Bun.sleep(0);
  const [question] = questionsOf(at);
  if (question === undefined) throw new Error("expected a question");
  audits.answer(answer(question, at), at.terminal);
  return { report: await report, noted };
}

test("ask() finds a right piece with its proof and signature good", async () => {
  for (const pieceIndex of [0, 1, 2]) {
    const { report, noted } = await askAndAnswer(pieceIndex, (question, at) => answerTo(question, at));
    expect(report).toMatchObject({ outcome: "good", asked: 1 });
    expect(noted[0]?.[0]).toBe("good");
  }
});

test.each<[string, string, (question: Question, at: TestTerminal) => AuditAnswer]>([
  [
    "wrong bytes",
    "corrupt",
    (question, at) =>
      answerTo(
        question,
        at,
        pieceAt(0).map((byte) => byte ^ 1),
      ),
  ],
  ["another piece's bytes", "corrupt", (question, at) => answerTo(question, at, pieceAt(2))],
  ["another's signature", "corrupt", (question, at) => answerTo(question, { ...at, identity: generateIdentity() })],
  [
    "a signature over another nonce",
    "corrupt",
    (question, at) => ({ ...answerTo({ ...question, nonce: "ff".repeat(32) }, at) }),
  ],
  [
    "a wrong proof",
    "corrupt",
    (question, at) => ({
      ...answerTo(question, at),
      answer: { piece: toBase64Url(pieceAt(1)), proof: proofOf(pieces, 0).map(toHex) },
    }),
  ],
  ["an unreadable piece", "unknown", missing],
  [
    "an unreadable piece without signature",
    "corrupt",
    (question, at) => ({ ...missing(question, at), signature: "A".repeat(86) }),
  ],
])("ask() finds %s %s, with the reason noted on that track", async (_name, outcome, answer) => {
  const { report, noted } = await askAndAnswer(1, answer);
  expect(report.outcome).toBe(outcome as typeof report.outcome);
  expect(noted).toEqual([[outcome, `piece 1 of ${objectId}: ${report.detail}`]]);
});

test("ask() asks a silent Terminal four times, each with a nonce of its own, before it counts as offline", async () => {
  const { audits, clock, noted, at } = open();
  const report = audits.ask(at.terminal, { objectId, pieceIndex: 0 });
  for (let asked = 1; asked <= 4; asked += 1) {
    await Bun.sleep(0);
    expect(questionsOf(at).length).toBe(asked);
    await clock.advance(2000);
  }
  expect(await report).toMatchObject({ outcome: "offline", asked: 4 });
  expect(new Set(questionsOf(at).map(({ nonce }) => nonce)).size).toBe(4);
  expect(noted.map(([outcome]) => outcome)).toEqual(["offline"]);
});

test("ask() takes the answer to a repeated question, and none to an earlier one", async () => {
  const { audits, clock, at } = open();
  const report = audits.ask(at.terminal, { objectId, pieceIndex: 0 });
  await Bun.sleep(0);
  await clock.advance(2000);
  await Bun.sleep(0);
  const [first, second] = questionsOf(at);
  if (first === undefined || second === undefined) throw new Error("expected two questions");
  audits.answer(missing(first, at), at.terminal);
  audits.answer(answerTo(second, at), at.terminal);
  expect(await report).toMatchObject({ outcome: "good", asked: 2 });
});

test("ask() counts a Terminal that goes during a check as offline", async () => {
  const { audits, at } = open();
  const report = audits.ask(at.terminal, { objectId, pieceIndex: 0 });
  await Bun.sleep(0);
  audits.left(at.terminal);
  expect(await report).toMatchObject({ outcome: "offline", asked: 1 });
});

test("ask() counts nothing when the Terminal was let go of the object meanwhile", async () => {
  const { audits, noted, at } = open();
  const report = audits.ask(at.terminal, { objectId, pieceIndex: 0 });
  await Bun.sleep(0);
  at.terminal.forgetObject(objectId);
  const [question] = questionsOf(at);
  if (question !== undefined) audits.answer(missing(question, at), at.terminal);
  expect((await report).outcome).toBe("void");
  expect(noted).toEqual([]);
});

test("ask() refuses what no Terminal can be asked for, and two checks at once", async () => {
  const { audits, at } = open();
  const code = (question: { objectId: string; pieceIndex: number }, terminal = at.terminal) =>
    audits.ask(terminal, question).then(
      () => "asked",
      (error) => error.code,
    );
  expect(await code({ objectId: "ff".repeat(32), pieceIndex: 0 })).toBe("no-such-object");
  expect(await code({ objectId, pieceIndex: 3 })).toBe("no-such-piece");
  expect(await code({ objectId, pieceIndex: 0 }, connectTerminal().terminal)).toBe("not-held");
  const first = audits.ask(at.terminal, { objectId, pieceIndex: 0 });
  expect(await code({ objectId, pieceIndex: 0 })).toBe("audit-under-way");
  await Bun.sleep(0);
  audits.left(at.terminal);
  await first;
});
