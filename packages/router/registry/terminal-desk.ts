import type { Clock } from "@neson/kit/clock";
import type { Log } from "@neson/kit/log";
import type { TerminalMessage } from "@neson/protocol/messages";
import { isUnavailable } from "../db/database-trouble.ts";
import type { Claim, ClaimsOutcome } from "../meter/meter.ts";
import type { Settlements } from "../steer/settlements.ts";
import type { Audits } from "./audits.ts";
import type { ConnectedTerminal } from "./connected-terminal.ts";
import { clearHeaderSets, deleteAt } from "./deletions.ts";
import { objectsToKeep } from "./evictions.ts";
import type { Presence } from "./presence.ts";
import type { PurgeOrders } from "./purge-orders.ts";
import type { RecentIds } from "./recent-ids.ts";
import type { Registry } from "./registry.ts";
import type { Saves } from "./saves.ts";
import type { SpeedGrants } from "./speed-grants.ts";

/** What answering a Terminal calls on. */
export interface TerminalDeskDeps {
  registry: Registry;
  meter: { claim(terminalId: string, claims: readonly Claim[]): Promise<ClaimsOutcome> };
  saves: Saves;
  settlements: Pick<Settlements, "note">;
  audits: Pick<Audits, "answer">;
  purgeOrders: Pick<PurgeOrders, "answer" | "left">;
  speeds: Pick<SpeedGrants, "answer">;
  presence: Pick<Presence, "changed">;
  /** Objects for which a ticket may still be open. */
  ticketed: Pick<RecentIds, "has">;
  /** Which of some objects no Terminal should keep. */
  purgedAmong: (objectIds: readonly string[]) => Promise<string[]>;
  /** The header sets under which an object is published. */
  publishedHeaders: (objectId: string) => Promise<ReadonlySet<string>>;
  clock: Clock;
  log: Log;
}

type Frame<T extends TerminalMessage["type"]> = Extract<TerminalMessage, { type: T }>;

/** Pages of an index whose objects are still to be looked up. The look takes less time than a page takes to arrive. */
const MAX_PAGES_LOOKED_UP = 50;
/** Ids kept until the database is back, some 5 MB. */
const MAX_UNSEARCHED = 50_000;

/** Acts on what one Terminal says, from its `welcome` on. */
export class TerminalDesk {
  readonly terminal: ConnectedTerminal;
  readonly #deps: TerminalDeskDeps;
  #pagesLookedUp = 0;
  /** Objects that could not be looked up while the database was away. */
  #unsearched: string[] = [];

  constructor(terminal: ConnectedTerminal, deps: TerminalDeskDeps) {
    this.terminal = terminal;
    this.#deps = deps;
  }

  /** Acts on one message and sends the answer, if it has one. */
  async answer(message: Exclude<TerminalMessage, { type: "hello" | "leave" }>): Promise<void> {
    const { terminal } = this;
    const { saves, speeds, audits, clock, log } = this.#deps;
    switch (message.type) {
      case "heartbeat":
        return this.#heartbeat(message);
      case "index":
        // Out of turn, or of a request that is no more.
        return;
      case "want":
        return terminal.send(await saves.answerWant(message, terminal));
      case "stored":
        terminal.noteSaved(message.objectId, message.headersId, clock.nowMs());
        await this.#deletePurged([message.objectId]);
        return await clearHeaderSets(terminal, message.objectId, this.#deps.publishedHeaders);
      case "failed":
        log.warn({ terminal: terminal.id, ...message }, "terminal could not save an object");
        return message.code === "cancelled"
          ? terminal.noteLacked(message.objectId, clock.nowMs())
          : terminal.noteFailed(message.objectId, clock.nowMs());
      case "claims":
        return await this.#claims(message);
      case "evict":
        return this.#evict(message);
      case "audit.answer":
        return audits.answer(message, terminal);
      case "purged":
        return this.#deps.purgeOrders.answer(message.id, terminal);
      case "speed":
        return terminal.send(speeds.answer(message.id, terminal.id));
      default:
        message satisfies never;
    }
  }

  /** Takes a page of the index at once, if it is the one that comes next; else false. */
  takePage(page: Frame<"index">): boolean {
    if (!this.terminal.expectsPage(page)) return false;
    this.terminal.takePage(page, this.#deps.clock.nowMs());
    if (this.#pagesLookedUp >= MAX_PAGES_LOOKED_UP) {
      this.#deps.log.warn({ terminal: this.terminal.id }, "a page of its index was not searched for purged objects");
      return true;
    }
    this.#pagesLookedUp += 1;
    this.#deletePurged(page.objects.map(([objectId]) => objectId))
      .catch((error) => this.#warnUnsearched(error))
      .finally(() => {
        this.#pagesLookedUp -= 1;
      });
    return true;
  }

  #heartbeat(message: Frame<"heartbeat">): void {
    const { terminal } = this;
    terminal.report = message;
    terminal.send({ type: "ok", sequence: message.sequence, timeMs: this.#deps.clock.nowMs() });
    const again = this.#unsearched.splice(0);
    if (again.length > 0) void this.#deletePurged(again).catch((error) => this.#warnUnsearched(error));
    const requestId = terminal.compareIndex(message.indexDigest, this.#deps.clock.nowMs());
    if (requestId !== undefined) terminal.send({ type: "index.request", id: requestId });
  }

  async #claims(message: Frame<"claims">): Promise<void> {
    const { terminal } = this;
    const outcome = await this.#deps.meter.claim(terminal.id, message.claims);
    for (const { ticket, addedBytes } of outcome.accepted) this.#deps.settlements.note(terminal, ticket, addedBytes);
    terminal.send({ type: "claims.ack", id: message.id, accepted: outcome.accepted.length, refused: outcome.refused });
    if (message.claims.length > 0) this.#deps.presence.changed(terminal.id);
  }

  #evict({ id, objects }: Frame<"evict">): void {
    const { terminal } = this;
    const keep = objectsToKeep(objects, terminal, this.#deps.clock.nowMs(), this.#deps);
    const kept = new Set(keep);
    for (const { objectId } of objects) if (!kept.has(objectId)) terminal.forgetObject(objectId);
    terminal.send({ type: "evict.reply", id, keep });
  }

  /** Tells a Terminal that was away, or busy saving, when something was purged. */
  async #deletePurged(objectIds: readonly string[]): Promise<void> {
    let purged: string[];
    try {
      purged = await this.#deps.purgedAmong(objectIds);
    } catch (error) {
      if (!isUnavailable(error) || this.#unsearched.length + objectIds.length > MAX_UNSEARCHED) throw error;
      this.#unsearched.push(...objectIds);
      return;
    }
    if (purged.length > 0)
      deleteAt(this.terminal, purged, "purged while this Terminal did not hold it yet, or was away");
  }
  #warnUnsearched(error: unknown): void {
    this.#deps.log.error({ err: error, terminal: this.terminal.id }, "searching an index for purged objects failed");
  }
}
