import type { Clock } from "@neson/kit/clock";
import type { Log } from "@neson/kit/log";
import type { ClaimSender } from "../claim/claim-sender.ts";
import type { Ledger } from "../claim/ledger.ts";
import type { Routers } from "./routers.ts";

/** Transfers that are open when the operator wants to leave may go on for this long. */
const DRAIN_MS = 10 * 60_000;
/** The last claims wait for the Router's word for this long; what remains is claimed at the next start, or lost with the data. */
const SETTLE_MS = 30_000;
const LOOK_MS = 200;

/** What leaving needs. */
export interface DepartureDeps {
  /** Tells the Router to send nobody any more. */
  announce: () => Promise<void>;
  openTransfers: () => number;
  claims: Pick<ClaimSender, "tick">;
  ledger: Pick<Ledger, "unsettledCount">;
  routers: Pick<Routers, "isOpen">;
  clock: Clock;
  log: Log;
}

/** Leaving for good: nobody new comes, everybody here is served to the end, and every claim is handed in. */
export class Departure {
  /** Resolves once it is over. */
  readonly done: Promise<void>;
  readonly #deps: DepartureDeps;
  readonly #end: () => void;
  #leaving: Promise<void> | undefined;

  constructor(deps: DepartureDeps) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#end = resolve;
    this.#deps = deps;
  }

  /** Begins, or waits for what has begun. Never rejects; bounded by some eleven minutes. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    const { announce, openTransfers, claims, ledger, routers, log } = this.#deps;
    log.info({ openTransfers: openTransfers() }, "leaving: nobody new is sent here, what is open finishes");
    await announce();
    await this.#until(() => openTransfers() === 0, DRAIN_MS);
    claims.tick();
    await this.#until(() => ledger.unsettledCount === 0 || !routers.isOpen, SETTLE_MS);
    log.info({ openTransfers: openTransfers(), unsettledClaims: ledger.unsettledCount }, "left");
    this.#end();
  }

  async #until(holds: () => boolean, withinMs: number): Promise<void> {
    const { clock } = this.#deps;
    const endMs = clock.nowMs() + withinMs;
    while (!holds() && clock.nowMs() < endMs) await clock.sleep(LOOK_MS);
  }
}
