import { randomUUID } from "node:crypto";
import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Db } from "../db/database.ts";
import { isUnavailable } from "../db/database-trouble.ts";
import { isPostgres } from "../db/postgres.ts";
import { transact } from "../db/transaction.ts";
import { addUsage } from "../spend/usage-tables.ts";
import { addFigures, beginBatch, forgetOldFigures } from "./figure-tables.ts";
import { type SiteTally, Tallies } from "./tally.ts";

/** A killed process loses at most so much of what was counted. */
const WRITE_MS = 5000;
const FORGET_MS = 3_600_000;

/** What one site's requests came to until they were taken for writing. */
interface Batch {
  id: string;
  site: string;
  tally: SiteTally;
  nowMs: number;
  /** It was tried, and may have been written. */
  isUnsure?: boolean;
}

/** What writing traffic down needs. */
export interface FigureWriterDeps {
  db: Db;
  clock: Clock;
  log: Log;
  /** Told after each writing, so that spending is judged by what is written. */
  onWritten: (sites: readonly string[]) => Promise<void>;
}

/** Writes down, every few seconds, what was counted; when the database is away, counts go on and are written later. */
export class FigureWriter implements AsyncDisposable {
  readonly tallies = new Tallies();
  readonly #deps: FigureWriterDeps;
  readonly #timer: Timer;
  #writing: Promise<void> | undefined;
  /** Nobody knows whether these were written: the connection broke at the commit. */
  #unsure: Batch[] = [];
  #forgottenAtMs = 0;
  #hasFailed = false;

  constructor(deps: FigureWriterDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => void this.write(), WRITE_MS);
  }

  /** Counts what a Terminal was found to be owed for; its bytes are in the month's usage already. */
  notePaid(site: string, terminalId: string, bytes: number): void {
    const tally = this.tallies.of(site);
    tally.total.bytes += bytes;
    tally.of("sender", "terminals").bytes += bytes;
    tally.of("terminal", terminalId).bytes += bytes;
  }

  /** Writes down what was counted so far. Never rejects. */
  write(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
    await this.write();
  }

  async #write(): Promise<void> {
    const { db, clock, log } = this.#deps;
    const nowMs = clock.nowMs();
    const fresh = [...this.tallies.take()].map(([site, tally]) => ({ id: randomUUID(), site, tally, nowMs }));
    const written: string[] = [];
    for (const batch of [...this.#unsure.splice(0), ...fresh]) {
      if (await this.#writeBatch(batch)) written.push(batch.site);
    }
    try {
      if (nowMs - this.#forgottenAtMs > FORGET_MS) {
        await forgetOldFigures(db, Math.floor(nowMs / 1000));
        this.#forgottenAtMs = nowMs;
      }
      await this.#deps.onWritten(written);
    } catch (error) {
      log.warn({ err: error }, `looking after traffic figures failed: ${describeError(error)}`);
    }
  }

  async #writeBatch(batch: Batch): Promise<boolean> {
    const { db, log } = this.#deps;
    const { id, site, tally, nowMs } = batch;
    let isUnsure = batch.isUnsure === true;
    try {
      await transact(db, async (transaction) => {
        isUnsure = batch.isUnsure === true;
        // Only a connection can break between the commit and its answer.
        if (isPostgres(db) && !(await beginBatch(transaction, id, nowMs))) return;
        await addFigures(transaction, { site, counts: [...tally.counts()], atSeconds: Math.floor(nowMs / 1000) });
        const { requests } = tally.total;
        const routerBytes = tally.of("sender", "router").bytes;
        await addUsage(transaction, { site, nowMs, requests, routerBytes, terminalBytes: 0 });
        isUnsure = true;
      });
      this.#hasFailed = false;
      return true;
    } catch (error) {
      if (!this.#hasFailed) log.error({ err: error }, `writing traffic figures failed: ${describeError(error)}`);
      this.#hasFailed = true;
      if (isUnsure && isUnavailable(error)) this.#unsure.push({ ...batch, isUnsure });
      else this.#giveBack(site, tally);
      return false;
    }
  }

  #giveBack(site: string, tally: SiteTally): void {
    const running = this.tallies.of(site);
    for (const { dimension, value, requests, bytes } of tally.counts()) {
      const count = dimension === "total" ? running.total : running.of(dimension, value);
      count.requests += requests;
      count.bytes += bytes;
    }
  }
}
