import { randomUUID } from "node:crypto";
import type { Clock } from "@neson/kit/clock";
import { MAX_PURGE } from "@neson/protocol/router-messages";
import type { ConnectedTerminal } from "./connected-terminal.ts";

/** A Terminal that has not confirmed by then is told again when it lists the objects. */
const CONFIRM_MS = 5000;

/** Tells Terminals what was purged, and waits for them to say that they serve it no more. */
export class PurgeOrders {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, { terminal: ConnectedTerminal; resolve: (isConfirmed: boolean) => void }>();

  constructor(deps: { clock: Clock }) {
    this.#clock = deps.clock;
  }

  /** Has every one of the Terminals drop what it holds of the objects; gives who was told, and who did not confirm it. */
  async tell(
    terminals: readonly ConnectedTerminal[],
    objectIds: readonly string[],
    reason: string,
  ): Promise<{ told: string[]; unconfirmed: string[] }> {
    const told: string[] = [];
    const unconfirmed: string[] = [];
    const asking: Promise<void>[] = [];
    for (const terminal of terminals) {
      const held = objectIds.filter((objectId) => terminal.holdsObject(objectId));
      if (held.length === 0) continue;
      told.push(terminal.id);
      for (let first = 0; first < held.length; first += MAX_PURGE) {
        asking.push(
          this.#ask(terminal, held.slice(first, first + MAX_PURGE), reason).then((isConfirmed) => {
            if (!isConfirmed && !unconfirmed.includes(terminal.id)) unconfirmed.push(terminal.id);
          }),
        );
      }
    }
    await Promise.all(asking);
    return { told, unconfirmed };
  }

  /** Takes a Terminal's `purged`. */
  answer(id: string, terminal: ConnectedTerminal): void {
    const waiter = this.#waiting.get(id);
    if (waiter?.terminal === terminal) waiter.resolve(true);
  }

  /** A Terminal has left: it confirms nothing any more. */
  left(terminal: ConnectedTerminal): void {
    for (const waiter of this.#waiting.values()) if (waiter.terminal === terminal) waiter.resolve(false);
  }

  async #ask(terminal: ConnectedTerminal, objectIds: string[], reason: string): Promise<boolean> {
    const id = randomUUID();
    const timeout = new AbortController();
    const confirmed = new Promise<boolean>((resolve) => this.#waiting.set(id, { terminal, resolve }));
    for (const objectId of objectIds) terminal.forgetObject(objectId);
    terminal.send({ type: "purge", id, objectIds, reason });
    const tooLate = this.#clock.sleep(CONFIRM_MS, timeout.signal).then(
      () => false,
      () => false,
    );
    try {
      return await Promise.race([confirmed, tooLate]);
    } finally {
      timeout.abort();
      this.#waiting.delete(id);
    }
  }
}
