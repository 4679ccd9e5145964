import type { Clock } from "@neson/kit/clock";
import type { TerminalMessage } from "@neson/protocol/messages";

/**
 * How a want ended: `save` came, the Router has `nothing`, the channel was or went `offline`, `late` when no answer came in time,
 * `busy` when too many are open.
 */
export type WantOutcome = "save" | "nothing" | "offline" | "late" | "busy";

const MAX_OPEN = 1000;

/** What Wants needs. */
export interface WantsDeps {
  /** False when there is no open channel. */
  send: (message: TerminalMessage) => boolean;
  clock: Clock;
}

interface Open {
  outcome: Promise<WantOutcome>;
  end: (outcome: WantOutcome) => void;
}

/** Asks the Router for objects and ties its answers to the questions; one question per object and header set at a time. */
export class Wants {
  readonly #deps: WantsDeps;
  readonly #byPair = new Map<string, Open>();
  readonly #byId = new Map<string, Open>();
  #lastId = 0;

  constructor(deps: WantsDeps) {
    this.#deps = deps;
  }

  /** Asks, and waits at most `waitMs` for the answer. Never rejects. */
  async ask(objectId: string, headersId: string, waitMs: number): Promise<WantOutcome> {
    const open = this.#byPair.get(objectId + headersId) ?? this.#open(objectId, headersId);
    if (typeof open === "string") return open;
    const waiting = new AbortController();
    const late = this.#deps.clock.sleep(waitMs, waiting.signal).then(
      () => "late" as const,
      () => "late" as const,
    );
    const outcome = await Promise.race([open.outcome, late]);
    waiting.abort();
    // Nobody waits longer than the first who asked: a question without an answer must not stay for ever.
    if (outcome === "late") open.end("late");
    return outcome;
  }

  /** The answer to the want with this id has come, and has been acted on. */
  answer(id: string, outcome: "save" | "nothing"): void {
    this.#byId.get(id)?.end(outcome);
  }

  /** The channel is gone, and with it every answer. */
  offline(): void {
    for (const open of [...this.#byId.values()]) open.end("offline");
  }

  #open(objectId: string, headersId: string): Open | "offline" | "busy" {
    if (this.#byId.size >= MAX_OPEN) return "busy";
    const id = String(++this.#lastId);
    if (!this.#deps.send({ type: "want", id, objectId, headersId })) return "offline";
    const { promise, resolve } = Promise.withResolvers<WantOutcome>();
    const open: Open = {
      outcome: promise,
      end: (outcome) => {
        this.#byId.delete(id);
        if (this.#byPair.get(objectId + headersId) === open) this.#byPair.delete(objectId + headersId);
        resolve(outcome);
      },
    };
    this.#byId.set(id, open);
    this.#byPair.set(objectId + headersId, open);
    return open;
  }
}
