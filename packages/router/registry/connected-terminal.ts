import { IndexDigest } from "@neson/protocol/index-digest";
import type { RouterMessage } from "@neson/protocol/messages";
import type { Choosable } from "../steer/choose.ts";
import { OpenTickets } from "../steer/open-tickets.ts";
import { type Seed, seedOf } from "../steer/rank.ts";

/** What a Terminal said of itself last. */
export interface TerminalReport {
  openTransfers: number;
  egressBytesPerSecond: number;
  cpuLoad: number;
  remainingBytes: number;
  quotaBytes: number;
  objectCount: number;
  indexDigest: string;
}

/** Seconds of sending that make a Terminal count as fully used by open tickets. */
const UTILISATION_HORIZON_SECONDS = 10;
/** How long a Terminal that failed to save an object is not asked for it again. */
const FAILED_SAVE_MS = 60_000;
const MAX_FAILED_SAVES = 1000;

/** A Terminal whose control channel is open and whose endpoint answered the dial-back. */
export class ConnectedTerminal implements Choosable {
  readonly id: string;
  readonly endpoint: string;
  /** Host name of the endpoint: mirrors of one answer never share it. */
  readonly host: string;
  readonly seed: Seed;
  readonly weight = 1;
  readonly tickets: OpenTickets;
  readonly send: (message: RouterMessage) => void;
  readonly connectedAtMs: number;
  report: TerminalReport | undefined;
  lastHeardMs: number;
  readonly #capacityBytesPerSecond: number;
  readonly #stored = new Set<string>();
  readonly #failedUntilMs = new Map<string, number>();
  readonly #index = new IndexDigest();

  constructor(options: {
    id: string;
    endpoint: string;
    nowMs: number;
    capacityBytesPerSecond: number;
    send: (message: RouterMessage) => void;
  }) {
    this.id = options.id;
    this.endpoint = options.endpoint;
    this.host = new URL(options.endpoint).hostname;
    this.seed = seedOf(options.id);
    this.connectedAtMs = options.nowMs;
    this.lastHeardMs = options.nowMs;
    this.send = options.send;
    this.#capacityBytesPerSecond = options.capacityBytesPerSecond;
    this.tickets = new OpenTickets(Math.floor(options.nowMs / 1000));
  }

  get reportedLoad(): number {
    return this.report === undefined ? 0 : this.report.egressBytesPerSecond / this.#capacityBytesPerSecond;
  }

  utilisation(nowSeconds: number): number {
    return this.tickets.bytes(nowSeconds) / (this.#capacityBytesPerSecond * UTILISATION_HORIZON_SECONDS);
  }

  /** Room for an object of that size, as far as the last heartbeat tells. */
  hasRoomFor(bytes: number): boolean {
    return this.report !== undefined && this.report.remainingBytes >= bytes;
  }

  holds(objectId: string, headersId: string): boolean {
    return this.#stored.has(objectId + headersId);
  }

  noteStored(objectId: string, headersId: string): void {
    this.#failedUntilMs.delete(objectId);
    if (this.holds(objectId, headersId)) return;
    this.#stored.add(objectId + headersId);
    this.#index.add(objectId, headersId);
  }

  noteFailed(objectId: string, nowMs: number): void {
    if (this.#failedUntilMs.size >= MAX_FAILED_SAVES) this.#failedUntilMs.clear();
    this.#failedUntilMs.set(objectId, nowMs + FAILED_SAVE_MS);
  }

  /** True while an earlier failure to obtain the object makes another request pointless. */
  recentlyFailed(objectId: string, nowMs: number): boolean {
    if (this.#failedUntilMs.size === 0) return false;
    const until = this.#failedUntilMs.get(objectId);
    if (until === undefined) return false;
    if (nowMs < until) return true;
    this.#failedUntilMs.delete(objectId);
    return false;
  }

  /** What this Router believes the Terminal's index digest to be. */
  get expectedIndexDigest(): string {
    return this.#index.toString();
  }

  get storedCount(): number {
    return this.#stored.size;
  }

  /** Replaces what is believed by what the Terminal listed. */
  replaceIndex(pairs: Iterable<readonly [string, string]>): void {
    for (const pair of this.#stored) this.#index.remove(pair.slice(0, 64), pair.slice(64));
    this.#stored.clear();
    for (const [objectId, headersId] of pairs) this.noteStored(objectId, headersId);
  }
}
