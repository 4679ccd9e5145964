import type { TerminalMessage } from "@neson/protocol/messages";

/** The only message that is put to all Routers and waits for all of them. */
export type EvictQuestion = Extract<TerminalMessage, { type: "evict" }>;

/** Who asked, and hears what came of it. */
export interface Asker {
  reply(id: string, keep: readonly string[]): void;
  offline(): void;
}

/** A Router that can be asked; the same object stands for the same Router. */
export interface Voter {
  send: (message: TerminalMessage) => boolean;
}

/**
 * Asks every connected Router what may be evicted: each knows only of its own tickets. What one of them wants kept stays; one that leaves without an
 * answer says nothing.
 */
export class EvictPoll {
  #asker: Asker | undefined;
  #open: { id: string; missing: Set<Voter>; keep: Set<string>; isAnswered: boolean } | undefined;

  /** Who is told of the outcome. */
  answerTo(asker: Asker): void {
    this.#asker = asker;
  }

  /** False when there is nobody to ask. A newer question ends an older one. */
  ask(question: EvictQuestion, voters: Iterable<Voter>): boolean {
    const missing = new Set<Voter>();
    for (const voter of voters) if (voter.send(question)) missing.add(voter);
    if (missing.size === 0) return false;
    this.#open = { id: question.id, missing, keep: new Set(), isAnswered: false };
    return true;
  }

  reply(voter: Voter, id: string, keep: readonly string[]): void {
    const open = this.#open;
    if (open?.id !== id || !open.missing.has(voter)) return;
    for (const objectId of keep) open.keep.add(objectId);
    open.isAnswered = true;
    this.#strike(voter);
  }

  /** Its connection is gone. */
  left(voter: Voter): void {
    this.#strike(voter);
  }

  #strike(voter: Voter): void {
    const open = this.#open;
    if (open === undefined || !open.missing.delete(voter) || open.missing.size > 0) return;
    this.#open = undefined;
    if (open.isAnswered) this.#asker?.reply(open.id, [...open.keep]);
    else this.#asker?.offline();
  }
}
