import type { Hardware } from "@neson/protocol/hardware";
import type { RouterMessage, TerminalMessage } from "@neson/protocol/messages";
import type { Choosable } from "../steer/choose.ts";
import { OpenTickets } from "../steer/open-tickets.ts";
import { type Seed, seedOf } from "../steer/rank.ts";
import { Holdings } from "./holdings.ts";
import { type IndexPage, IndexPages } from "./index-pages.ts";
import { RecentIds } from "./recent-ids.ts";

/** What a Terminal said of itself last. */
export type TerminalReport = Omit<
  Extract<TerminalMessage, { type: "heartbeat" }>,
  "type" | "sequence" | "freeMemoryBytes"
>;

/** What a Terminal said of itself when it joined. */
export interface Introduction {
  /** Hex; what its signatures are checked with. */
  publicKey: string;
  version: string;
  hardware: Hardware;
}

/** Seconds of sending that make a Terminal count as fully used by open tickets. */
const UTILISATION_HORIZON_SECONDS = 10;
/** How long a Terminal that failed to save an object is not asked for it again. */
const FAILED_SAVE_MS = 60_000;
const MAX_FAILED_SAVES = 1000;
/** An object saved within this time has not had its chance of being asked for yet. */
const LATELY_MS = 600_000;
const MAX_LATELY_SAVED = 10_000;
/** Saves that were sent and whose end is not known; a Terminal lets as many wait. */
const MAX_ORDERED = 10_000;

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
  /** Absent where Terminals are only reckoned with, as in measurements. */
  readonly introduction: Introduction | undefined;
  report: TerminalReport | undefined;
  lastHeardMs: number;
  /** Since when viewers are sent there, or what they were sent for is left over, without any byte being claimed; undefined when nothing is awaited. */
  awaitedSinceMs: number | undefined;
  /** Viewers get no answer there at present: nobody is sent. */
  isUnreachable = false;
  readonly #capacityBytesPerSecond: number;
  readonly #routerCount: () => number;
  readonly #failedUntilMs = new Map<string, number>();
  /** The same where nothing was wrong with the Terminal. */
  readonly #lackedUntilMs = new Map<string, number>();
  readonly #latelySaved = new RecentIds({ lifeMs: LATELY_MS, maxIds: MAX_LATELY_SAVED });
  readonly #indexPages = new IndexPages();
  #holdings = new Holdings();
  /** Objects it was sent a save of and has not said how that ended, the oldest first. */
  readonly #ordered = new Set<string>();
  /** True once its index, or the digest of it, said what it holds. */
  #isIndexKnown = false;

  constructor(options: {
    id: string;
    endpoint: string;
    nowMs: number;
    capacityBytesPerSecond: number;
    send: (message: RouterMessage) => void;
    introduction?: Introduction;
    /** Routers that send viewers to it, each by its own tickets: each may count on that part of its capacity. One when absent. */
    routerCount?: () => number;
  }) {
    this.id = options.id;
    this.endpoint = options.endpoint;
    this.host = new URL(options.endpoint).hostname;
    this.seed = seedOf(options.id);
    this.connectedAtMs = options.nowMs;
    this.lastHeardMs = options.nowMs;
    this.send = options.send;
    this.introduction = options.introduction;
    this.#capacityBytesPerSecond = options.capacityBytesPerSecond;
    this.#routerCount = options.routerCount ?? (() => 1);
    this.tickets = new OpenTickets(Math.floor(options.nowMs / 1000));
  }

  get reportedLoad(): number {
    return this.report === undefined ? 0 : this.report.egressBytesPerSecond / this.#capacityBytesPerSecond;
  }

  utilisation(nowSeconds: number): number {
    return (
      (this.#routerCount() * this.tickets.bytes(nowSeconds)) /
      (this.#capacityBytesPerSecond * UTILISATION_HORIZON_SECONDS)
    );
  }

  /** Room for an object of that size, and the will to save it, as far as the last heartbeat tells. */
  hasRoomFor(bytes: number): boolean {
    return this.report !== undefined && this.report.refusesSaves === undefined && this.report.remainingBytes >= bytes;
  }

  holds(objectId: string, headersId: string): boolean {
    return this.#holdings.has(objectId, headersId);
  }

  /** True when it holds the object under any header set. */
  holdsObject(objectId: string): boolean {
    return this.#holdings.hasObject(objectId);
  }

  /** True unless it is known that it neither holds the object nor is filling it now. */
  mayHold(objectId: string): boolean {
    return this.holdsObject(objectId) || this.#ordered.has(objectId) || !this.#isIndexKnown || this.#holdings.isPartial;
  }

  /** It was sent a save. */
  noteOrdered(objectId: string): void {
    this.#ordered.add(objectId);
    if (this.#ordered.size <= MAX_ORDERED) return;
    for (const oldest of this.#ordered) {
      this.#ordered.delete(oldest);
      return;
    }
  }

  noteStored(objectId: string, headersId: string): void {
    this.#failedUntilMs.delete(objectId);
    this.#lackedUntilMs.delete(objectId);
    this.#ordered.delete(objectId);
    this.#holdings.add(objectId, headersId);
    this.#indexPages.noteStored(objectId, headersId);
  }

  /** A save has just ended well, as opposed to a pair learnt from the index. */
  noteSaved(objectId: string, headersId: string, nowMs: number): void {
    this.noteStored(objectId, headersId);
    this.#latelySaved.note(objectId, nowMs);
  }

  savedLately(objectId: string, nowMs: number): boolean {
    return this.#latelySaved.has(objectId, nowMs);
  }

  noteFailed(objectId: string, nowMs: number): void {
    this.#ordered.delete(objectId);
    if (this.#failedUntilMs.size >= MAX_FAILED_SAVES) this.#failedUntilMs.clear();
    this.#failedUntilMs.set(objectId, nowMs + FAILED_SAVE_MS);
  }

  /** It was told that there is nothing to fill from, or to give its fill up: another time it may well succeed. */
  noteLacked(objectId: string, nowMs: number): void {
    this.#ordered.delete(objectId);
    if (this.#lackedUntilMs.size >= MAX_FAILED_SAVES) this.#lackedUntilMs.clear();
    this.#lackedUntilMs.set(objectId, nowMs + FAILED_SAVE_MS);
  }

  /** The object has just been stored at this Router: there is something to fill from. */
  notePublished(objectId: string): void {
    this.#lackedUntilMs.delete(objectId);
  }

  /** The header sets under which it holds an object. */
  headersOf(objectId: string): string[] {
    return this.#holdings.headersOf(objectId);
  }

  /** It was told to delete one header set of an object. */
  forgetHeaders(objectId: string, headersId: string): void {
    this.#holdings.remove(objectId, headersId);
    this.#indexPages.noteRemoved(objectId, headersId);
  }

  /** It was told to delete the object, or was let evict it. */
  forgetObject(objectId: string): void {
    this.#holdings.removeObject(objectId);
    this.#ordered.delete(objectId);
    this.#indexPages.noteRemoved(objectId);
  }

  /**
   * True while it cannot be expected to obtain the object: a failure not long ago makes another request pointless, and whoever refuses saves
   * serves only what it holds.
   */
  recentlyFailed(objectId: string, nowMs: number): boolean {
    if (this.report?.refusesSaves !== undefined && !this.holdsObject(objectId)) return true;
    return isUntilLater(this.#failedUntilMs, objectId, nowMs) || isUntilLater(this.#lackedUntilMs, objectId, nowMs);
  }

  get storedCount(): number {
    return this.#holdings.size;
  }

  /** Compares a heartbeat's digest with what is believed; the id of an `index.request` to send now, if they have differed for a while. */
  compareIndex(digest: string, nowMs: number): string | undefined {
    const drifted = !this.#holdings.isPartial && digest !== this.#holdings.digest;
    if (!drifted) this.#isIndexKnown = true;
    return this.#indexPages.requestIf(drifted, nowMs);
  }

  /** True for the one page of the index that comes next. */
  expectsPage(page: IndexPage): boolean {
    return this.#indexPages.expects(page);
  }

  /** Takes a page; after the last, what is believed is what the Terminal listed. */
  takePage(page: IndexPage, nowMs: number): void {
    const whole = this.#indexPages.add(page, nowMs);
    if (whole === undefined) return;
    this.#holdings = whole;
    this.#isIndexKnown = true;
  }
}

function isUntilLater(untilMs: Map<string, number>, objectId: string, nowMs: number): boolean {
  if (untilMs.size === 0) return false;
  const until = untilMs.get(objectId);
  if (until === undefined) return false;
  if (nowMs < until) return true;
  untilMs.delete(objectId);
  return false;
}
