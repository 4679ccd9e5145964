import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { HASH_BYTES } from "@neson/protocol/tree";
import { type AuditAnswer, judgeAudit } from "./audit-verdict.ts";
import type { ConnectedTerminal } from "./connected-terminal.ts";
import type { CheckOutcome, Tracks } from "./tracks.ts";

/** How long a Terminal may take to read and send one piece. */
const DEADLINE_MS = 2000;
/** A check that timed out is asked again so often before it counts. */
const RETRIES = 3;

/** What a spot check found. */
export interface AuditReport {
  /** `void`: the Terminal was let go of the object meanwhile, so nothing counts. */
  outcome: CheckOutcome | "void";
  /** For people. */
  detail: string;
  /** How often it was asked. */
  asked: number;
}

/** Spot checks of pieces, one at a time for each Terminal. */
export interface Audits {
  /**
   * Asks, waits, judges, and counts the outcome on the Terminal's tracks.
   * @throws NesonError `audit-under-way`, `no-such-object`, `no-such-piece` or `not-held` (caller)
   */
  ask(terminal: ConnectedTerminal, question: { objectId: string; pieceIndex: number }): Promise<AuditReport>;
  /** Takes an answer; one that nobody waits for (any more) is dropped. */
  answer(message: AuditAnswer, terminal: ConnectedTerminal): void;
  /** The Terminal's connection is gone: whoever waits for it waits no more. */
  left(terminal: ConnectedTerminal): void;
}

/** What spot checks need. */
export interface AuditsDeps {
  catalog: { pieces(objectId: string): Promise<Uint8Array | undefined> };
  tracks: Pick<Tracks, "noteCheck">;
  /** A fresh nonce, 64 hex digits. */
  nonce: () => string;
  clock: Clock;
}

interface Waiting {
  id: string;
  resolve: (answer: AuditAnswer | "gone") => void;
}

/** Opens the spot checks of a Router. */
export function createAudits(deps: AuditsDeps): Audits {
  const waiting = new Map<ConnectedTerminal, Waiting>();
  const underWay = new Set<ConnectedTerminal>();
  return {
    ask: async (terminal, question) => {
      if (underWay.has(terminal))
        throw refusal("audit-under-way", "one spot check of this Terminal is still under way");
      underWay.add(terminal);
      try {
        const pieces = await findPieces(terminal, question, deps);
        const report = await ask(terminal, { ...question, pieces }, waiting, deps);
        if (report.outcome !== "void") {
          const reason = `piece ${question.pieceIndex} of ${question.objectId}: ${report.detail}`;
          await deps.tracks.noteCheck(terminal.id, report.outcome, reason);
        }
        return report;
      } finally {
        underWay.delete(terminal);
      }
    },
    answer: (message, terminal) => {
      const waiter = waiting.get(terminal);
      if (waiter?.id === message.id) waiter.resolve(message);
    },
    left: (terminal) => waiting.get(terminal)?.resolve("gone"),
  };
}

async function findPieces(
  terminal: ConnectedTerminal,
  { objectId, pieceIndex }: { objectId: string; pieceIndex: number },
  deps: AuditsDeps,
): Promise<Uint8Array> {
  const pieces = await deps.catalog.pieces(objectId);
  if (pieces === undefined) throw refusal("no-such-object", `no object ${objectId} is in this Router's catalog`);
  const count = pieces.length / HASH_BYTES;
  if (pieceIndex >= count) {
    throw refusal("no-such-piece", `pieceIndex: found ${pieceIndex}, allowed: 0 to ${count - 1} for this object`);
  }
  if (!terminal.holdsObject(objectId)) {
    throw refusal(
      "not-held",
      `Terminal ${terminal.id} has not said that it holds ${objectId}, so it cannot fail at it`,
    );
  }
  return pieces;
}

async function ask(
  terminal: ConnectedTerminal,
  question: { objectId: string; pieceIndex: number; pieces: Uint8Array },
  waiting: Map<ConnectedTerminal, Waiting>,
  deps: AuditsDeps,
): Promise<AuditReport> {
  const { objectId, pieceIndex, pieces } = question;
  for (let asked = 1; ; asked += 1) {
    // A nonce of its own for each time: an answer shows that the piece was there after the question.
    const nonce = deps.nonce();
    const answer = await waitForAnswer(terminal, { objectId, pieceIndex, nonce }, waiting, deps.clock);
    if (answer === "gone") {
      return { outcome: "offline", detail: "its connection ended during a spot check", asked };
    }
    if (answer === undefined) {
      if (asked <= RETRIES) continue;
      return { outcome: "offline", detail: `no answer within ${DEADLINE_MS} ms, asked ${asked} times`, asked };
    }
    const publicKey = terminal.introduction?.publicKey ?? "";
    const verdict = judgeAudit({ nonce, objectId, pieceIndex, publicKey, pieces }, answer);
    if (verdict.outcome === "unknown" && !terminal.holdsObject(objectId)) {
      return { outcome: "void", detail: "it was let go of the object meanwhile", asked };
    }
    return { ...verdict, asked };
  }
}

async function waitForAnswer(
  terminal: ConnectedTerminal,
  question: { objectId: string; pieceIndex: number; nonce: string },
  waiting: Map<ConnectedTerminal, Waiting>,
  clock: Clock,
): Promise<AuditAnswer | "gone" | undefined> {
  const id = `audit-${question.nonce.slice(0, 16)}`;
  const timeout = new AbortController();
  const answered = new Promise<AuditAnswer | "gone">((resolve) => waiting.set(terminal, { id, resolve }));
  terminal.send({ type: "audit", id, ...question, deadlineMs: DEADLINE_MS });
  const timedOut = clock.sleep(DEADLINE_MS, timeout.signal).catch(() => undefined);
  try {
    return (await Promise.race([answered, timedOut])) ?? undefined;
  } finally {
    timeout.abort();
    waiting.delete(terminal);
  }
}

function refusal(code: string, message: string): NesonError {
  return new NesonError(code, message, { fault: "caller" });
}
