import type { Clock } from "@neson/kit/clock";
import type { Bus } from "../bus/bus.ts";
import type { LiveRouters } from "../bus/live-routers.ts";
import { MAX_IDS, type Notice } from "../bus/message.ts";
import type { PurgeOrder } from "./order.ts";
import type { Purger } from "./purger.ts";
import { type TerminalsAsked, TerminalsOfJob } from "./terminals-of-job.ts";

/** Purges of other Routers that are remembered until these say that they are through. */
const MAX_REMEMBERED = 1000;

/** A Router that has not said within this time that it is through is asked again. */
const ASK_AGAIN_MS = 5000;

type PurgeNotice = Extract<Notice, { type: "purge" | "gone" | "swept" | "applied" }>;

/** What carrying purges between Routers needs. */
export interface PurgeRelayDeps {
  bus: Pick<Bus, "publish" | "isConnected">;
  live: Pick<LiveRouters, "others">;
  clock: Clock;
}

/** One purge of this Router that others have still to confirm. */
interface Outgoing {
  missing: Set<string>;
  terminals: TerminalsOfJob;
  done: () => void;
}

/**
 * Carries purges between Routers. Where one begins it is told to the others, then what objects it took out, then that it is through; each of the others
 * puts it into effect at once, and answers when its own Terminals have confirmed all of that, or had their time.
 */
export class PurgeRelay {
  readonly #deps: PurgeRelayDeps;
  readonly #outgoing = new Map<string, Outgoing>();
  readonly #incoming = new Map<string, Promise<TerminalsAsked>[]>();

  constructor(deps: PurgeRelayDeps) {
    this.#deps = deps;
  }

  /** A purge began here. */
  publish(order: PurgeOrder, id: string): void {
    const { bus, clock } = this.#deps;
    bus.publish({ type: "purge", id, atMs: clock.nowMs(), order });
  }

  /** It took these objects out. */
  publishGone(objectIds: readonly string[], id: string): void {
    for (let first = 0; first < objectIds.length; first += MAX_IDS) {
      this.#deps.bus.publish({ type: "gone", id, objectIds: objectIds.slice(first, first + MAX_IDS) });
    }
  }

  /** It is through here; resolves with what the others' Terminals answered, once each Router that lives has said that it is through as well. */
  async othersDone(id: string): Promise<TerminalsAsked> {
    const missing = new Set(this.#deps.live.others().map(({ routerId }) => routerId));
    const terminals = new TerminalsOfJob();
    if (missing.size === 0) return terminals.asked();
    const over = new AbortController();
    this.#outgoing.set(id, { missing, terminals, done: () => over.abort() });
    await this.#askUntil(id, over.signal);
    this.#outgoing.delete(id);
    return terminals.asked();
  }

  /** One that had everything read again instead of what it missed was not asked: it is asked again. */
  async #askUntil(id: string, over: AbortSignal): Promise<void> {
    const { bus, clock } = this.#deps;
    bus.publish({ type: "swept", id });
    while (!over.aborted) {
      await clock.sleep(ASK_AGAIN_MS, over).catch(() => {});
      if (!over.aborted && bus.isConnected) bus.publish({ type: "swept", id });
    }
  }

  /** A Router is gone: nobody waits for it any more. */
  left(routerId: string): void {
    for (const outgoing of this.#outgoing.values()) this.#strike(outgoing, routerId);
  }

  /** Acts on what another Router says. Never waits: what follows is not to be held up. */
  take(notice: PurgeNotice, from: string, purger: Pick<Purger, "apply" | "drop">): void {
    switch (notice.type) {
      case "purge":
        // Of two clocks the later one counts, so that nothing older is left.
        this.#note(notice.id, purger.apply(notice.order, notice.id, Math.max(notice.atMs, this.#deps.clock.nowMs())));
        return;
      case "gone":
        this.#note(notice.id, purger.drop(notice.objectIds));
        return;
      case "swept":
        void this.#answer(notice.id);
        return;
      case "applied":
        this.#applied(notice, from);
        return;
      default:
        notice satisfies never;
    }
  }

  #note(id: string, work: Promise<TerminalsAsked>): void {
    const known = this.#incoming.get(id);
    // What fails is said by whoever does it; a Terminal that was not told lists the object later.
    const asked = work.catch(() => new TerminalsOfJob().asked());
    if (known !== undefined) {
      known.push(asked);
      return;
    }
    const oldest = this.#incoming.keys().next();
    if (this.#incoming.size >= MAX_REMEMBERED && !oldest.done) this.#incoming.delete(oldest.value);
    this.#incoming.set(id, [asked]);
  }

  async #answer(id: string): Promise<void> {
    const terminals = new TerminalsOfJob();
    for (const asked of await Promise.all(this.#incoming.get(id) ?? [])) terminals.add(asked);
    this.#incoming.delete(id);
    const { told, unconfirmed, absent } = terminals.asked();
    const parts = Math.max(1, Math.ceil(told.length / MAX_IDS));
    for (let part = 0; part < parts; part++) {
      const names = told.slice(part * MAX_IDS, (part + 1) * MAX_IDS);
      const among = (list: readonly string[]) => {
        const listed = new Set(list);
        return names.filter((name) => listed.has(name));
      };
      const answer = { told: names, unconfirmed: among(unconfirmed), absent: among(absent) };
      this.#deps.bus.publish({ type: "applied", id, isLast: part === parts - 1, ...answer });
    }
  }

  #applied(notice: Extract<Notice, { type: "applied" }>, from: string): void {
    const outgoing = this.#outgoing.get(notice.id);
    if (outgoing === undefined || !outgoing.missing.has(from)) return;
    outgoing.terminals.add(notice);
    if (notice.isLast) this.#strike(outgoing, from);
  }

  #strike(outgoing: Outgoing, routerId: string): void {
    outgoing.missing.delete(routerId);
    if (outgoing.missing.size === 0) outgoing.done();
  }
}
