import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { RouterMessage, TerminalMessage } from "@neson/protocol/messages";
import { MAX_CLAIMS } from "@neson/protocol/terminal-messages";
import type { Claimed, Ledger } from "./ledger.ts";

const FLUSH_MS = 1000;
/** A batch without an answer for so long is sent again. */
const ACK_WAIT_MS = 10_000;

type ClaimsAck = Extract<RouterMessage, { type: "claims.ack" }>;

/** What the sender needs. */
export interface ClaimSenderDeps {
  ledger: Ledger;
  /** False when there is no open channel. */
  send: (message: TerminalMessage) => boolean;
  clock: Clock;
  log: Log;
}

interface Batch {
  id: string;
  claimed: Claimed[];
  sentAtMs: number;
  onSettled: () => void;
}

/** Writes the ledger to disk each second and claims it, one batch at a time. */
export class ClaimSender implements AsyncDisposable {
  readonly #deps: ClaimSenderDeps;
  #timer: NodeJS.Timeout | undefined;
  #batch: Batch | undefined;
  #lastId = 0;

  constructor(deps: ClaimSenderDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = setInterval(() => this.tick(), FLUSH_MS);
  }

  /** One round: flush, then send if nothing is under way. */
  tick(): void {
    const nowMs = this.#deps.clock.nowMs();
    if (!this.#flush()) return;
    if (this.#batch !== undefined && nowMs - this.#batch.sentAtMs > ACK_WAIT_MS) this.offline();
    if (this.#batch === undefined) this.#sendBatch();
  }

  /** The Router's answer to a batch. An answer to another than the open one is too late, and harmless. */
  acknowledge({ id, refused }: ClaimsAck): void {
    const batch = this.#batch;
    if (batch === undefined || batch.id !== id) return;
    for (const { nonce, reason } of refused) this.#deps.log.warn({ nonce, reason }, "the Router refused a claim");
    this.#deps.ledger.settle(batch.claimed, new Set(refused.map(({ nonce }) => nonce)));
    this.#batch = undefined;
    batch.onSettled();
    if (batch.claimed.length === MAX_CLAIMS) this.#sendBatch();
  }

  /** The channel is gone: what was under way is sent again on the next one. */
  offline(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    batch?.onSettled();
  }

  /** Claims what is there once more, waiting a moment for the answer, and writes the rest to disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.offline();
    this.tick();
    const batch: Batch | undefined = this.#batch;
    if (batch !== undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      batch.onSettled = resolve;
      const timer = setTimeout(resolve, FLUSH_MS);
      await promise;
      clearTimeout(timer);
    }
    this.#flush();
  }

  /** False when the disk did not take it: what is not on disk must not be claimed. */
  #flush(): boolean {
    const { ledger, clock, log } = this.#deps;
    try {
      ledger.flush(Math.floor(clock.nowMs() / 1000));
      return true;
    } catch (error) {
      log.error({ err: error }, `writing claims to disk failed: ${describeError(error)}`);
      return false;
    }
  }

  #sendBatch(): void {
    const accounts = this.#deps.ledger.unclaimed(MAX_CLAIMS);
    if (accounts.length === 0) return;
    const id = String(++this.#lastId);
    const claims = accounts.map(({ ticket, bytes }) => ({ ticket, bytes }));
    if (!this.#deps.send({ type: "claims", id, claims })) return;
    const claimed = accounts.map(({ nonce, bytes }) => ({ nonce, bytes }));
    this.#batch = { id, claimed, sentAtMs: this.#deps.clock.nowMs(), onSettled: () => {} };
  }
}
