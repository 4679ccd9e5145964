import { ownText } from "@neson/kit/own-text";
import type { Ticket } from "@neson/protocol/ticket";
import type { ClaimRow, ClaimRows } from "./claim-rows.ts";

/** The books of one ticket. Made by the Ledger; others only read it. */
export interface Account extends ClaimRow {
  /** Body bytes of answers under way. */
  inFlightBytes: number;
}

/** A total as it was sent to the Router. */
export interface Claimed {
  nonce: string;
  bytes: number;
}

/** Claims that no Router took for so long after their ticket's end are given up: none would pay them. */
const GIVE_UP_SECONDS = 7 * 86_400;

/**
 * Counts what was sent on each ticket, cumulatively by nonce. Totals reach the disk at `flush`, which comes before they are claimed; what a
 * crash costs is the bytes of at most the time between two flushes.
 */
export class Ledger {
  readonly #rows: ClaimRows;
  readonly #accounts = new Map<string, Account>();
  readonly #dirty = new Set<Account>();
  /** Accounts with bytes that are on disk and not yet settled. */
  readonly #unclaimed = new Set<Account>();

  constructor(rows: ClaimRows) {
    this.#rows = rows;
    for (const row of rows.all()) {
      const account = { ...row, inFlightBytes: 0 };
      this.#accounts.set(row.nonce, account);
      if (account.bytes > account.settledBytes) this.#unclaimed.add(account);
    }
  }

  /** Accounts held, for the log. */
  get size(): number {
    return this.#accounts.size;
  }

  /** Accounts with bytes that the Router has not settled. */
  get unsettledCount(): number {
    return this.#unclaimed.size;
  }

  /** The books of a genuine ticket, opened at its first use. */
  account(text: string, { nonce, maxBytes, expiresAt }: Ticket): Account {
    let account = this.#accounts.get(nonce);
    if (account === undefined) {
      account = { nonce, ticket: ownText(text), maxBytes, expiresAt, bytes: 0, settledBytes: 0, inFlightBytes: 0 };
      this.#accounts.set(nonce, account);
    }
    return account;
  }

  /** Books an answer of that many body bytes that is about to go out. */
  begin(account: Account, bytes: number): void {
    account.inFlightBytes += bytes;
  }

  /** Of an answer that `begin` booked, so many bytes more have gone out: they can be claimed before it is over. */
  advance(account: Account, bytes: number): void {
    this.end(account, bytes, bytes);
  }

  /** The answer that `begin` booked is over, after `sentBytes` of its bytes. */
  end(account: Account, bookedBytes: number, sentBytes: number): void {
    account.inFlightBytes -= bookedBytes;
    if (sentBytes === 0) return;
    account.bytes += sentBytes;
    this.#dirty.add(account);
  }

  /** Writes what changed to disk, and forgets what is settled and over. */
  flush(nowSeconds: number): void {
    if (this.#dirty.size > 0) {
      this.#rows.save(this.#dirty);
      for (const account of this.#dirty) {
        if (account.bytes > account.settledBytes) this.#unclaimed.add(account);
      }
      this.#dirty.clear();
    }
    this.#forget(nowSeconds);
  }

  /** Up to `limit` totals that the Router has not settled and that are on disk. */
  unclaimed(limit: number): Account[] {
    const accounts: Account[] = [];
    for (const account of this.#unclaimed) {
      if (accounts.length === limit) break;
      // One that changed since the last flush comes with the next one: what is claimed must be on disk.
      if (!this.#dirty.has(account)) accounts.push(account);
    }
    return accounts;
  }

  /** The Router has taken these totals, but for the refused ones: of those no byte, past or to come, is claimed again. */
  settle(claimed: readonly Claimed[], refusedNonces: ReadonlySet<string> = new Set()): void {
    for (const { nonce, bytes } of claimed) {
      const account = this.#accounts.get(nonce);
      if (account === undefined) continue;
      const settledBytes = refusedNonces.has(nonce) ? Number.MAX_SAFE_INTEGER : bytes;
      account.settledBytes = Math.max(account.settledBytes, settledBytes);
      this.#dirty.add(account);
      if (account.bytes <= account.settledBytes) this.#unclaimed.delete(account);
    }
  }

  #forget(nowSeconds: number): void {
    const over: string[] = [];
    for (const account of this.#accounts.values()) {
      const { nonce, expiresAt, inFlightBytes, bytes, settledBytes } = account;
      if (nowSeconds < expiresAt || inFlightBytes > 0) continue;
      if (bytes > settledBytes && nowSeconds < expiresAt + GIVE_UP_SECONDS) continue;
      over.push(nonce);
      this.#accounts.delete(nonce);
      this.#unclaimed.delete(account);
      this.#dirty.delete(account);
    }
    if (over.length > 0) this.#rows.remove(over);
  }
}
