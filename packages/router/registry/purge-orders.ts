import { randomUUID } from "node:crypto";
import type { Clock } from "@neson/kit/clock";
import { MAX_PURGE } from "@neson/protocol/router-messages";
import type { ConnectedTerminal } from "./connected-terminal.ts";

/** A Terminal that has not confirmed by then is told again when it lists the objects. */
const CONFIRM_MS = 5000;

type Ending = "confirmed" | "silent" | "left";

/** What purge orders work with. */
export interface PurgeOrdersDeps {
  /** What was purged lately enough that a ticket for it may still be open, the latest first. */
  purgedLately: () => Promise<readonly string[]>;
  clock: Clock;
}

/** Tells Terminals what was purged, and waits for them to say that they serve it no more. */
export class PurgeOrders {
  readonly #deps: PurgeOrdersDeps;
  readonly #waiting = new Map<string, { terminal: ConnectedTerminal; resolve: (ending: Ending) => void }>();

  constructor(deps: PurgeOrdersDeps) {
    this.#deps = deps;
  }

  /**
   * Has every one of the Terminals drop what it holds, or may hold, of the objects; gives who was told, who did not confirm it, and who left
   * before.
   */
  async tell(
    terminals: readonly ConnectedTerminal[],
    objectIds: readonly string[],
    reason: string,
  ): Promise<{ told: string[]; unconfirmed: string[]; absent: string[] }> {
    const told: string[] = [];
    const [unconfirmed, absent] = [new Set<string>(), new Set<string>()];
    const asking: Promise<void>[] = [];
    for (const terminal of terminals) {
      const held = objectIds.filter((objectId) => terminal.mayHold(objectId));
      if (held.length === 0) continue;
      told.push(terminal.id);
      for (let first = 0; first < held.length; first += MAX_PURGE) {
        asking.push(
          this.#ask(terminal, held.slice(first, first + MAX_PURGE), reason).then((ending) => {
            if (ending === "silent") unconfirmed.add(terminal.id);
            if (ending === "left") absent.add(terminal.id);
          }),
        );
      }
    }
    await Promise.all(asking);
    return { told, unconfirmed: [...unconfirmed], absent: [...absent] };
  }

  /**
   * Prepares for letting a Terminal in that may have been away when something was purged. Call what comes back right after its `welcome`: it hears of that
   * before it answers anyone. What was purged still earlier it is told as it lists it; no ticket for that is open any more.
   */
  async beforeWelcome(): Promise<(terminal: ConnectedTerminal) => void> {
    const { purgedLately } = this.#deps;
    const known = await purgedLately();
    return (terminal) => {
      const reason = "purged while this Terminal was away";
      void this.tell([terminal], known, reason);
      // Between that look and the welcome this Terminal was on nobody's list.
      const before = new Set(known);
      purgedLately().then(
        (now) =>
          void this.tell(
            [terminal],
            now.filter((objectId) => !before.has(objectId)),
            reason,
          ),
        // The database fails: it is told as it lists them.
        () => {},
      );
    };
  }

  /** Takes a Terminal's `purged`. */
  answer(id: string, terminal: ConnectedTerminal): void {
    const waiter = this.#waiting.get(id);
    if (waiter?.terminal === terminal) waiter.resolve("confirmed");
  }

  /** A Terminal has left: it confirms nothing any more. */
  left(terminal: ConnectedTerminal): void {
    for (const waiter of this.#waiting.values()) if (waiter.terminal === terminal) waiter.resolve("left");
  }

  async #ask(terminal: ConnectedTerminal, objectIds: string[], reason: string): Promise<Ending> {
    const id = randomUUID();
    const timeout = new AbortController();
    const confirmed = new Promise<Ending>((resolve) => this.#waiting.set(id, { terminal, resolve }));
    for (const objectId of objectIds) terminal.forgetObject(objectId);
    terminal.send({ type: "purge", id, objectIds, reason });
    const tooLate = this.#deps.clock.sleep(CONFIRM_MS, timeout.signal).then(
      (): Ending => "silent",
      (): Ending => "silent",
    );
    try {
      return await Promise.race([confirmed, tooLate]);
    } finally {
      timeout.abort();
      this.#waiting.delete(id);
    }
  }
}
