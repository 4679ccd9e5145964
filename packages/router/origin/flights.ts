import type { Clock } from "@neson/kit/clock";
import type { Log } from "@neson/kit/log";
import type { Catalog } from "../catalog/catalog.ts";
import type { EntryDraft } from "../catalog/entry.ts";
import type { GrowingFile } from "../catalog/growing-file.ts";
import { Lru } from "../catalog/lru.ts";
import { selectingHeaders } from "../catalog/selecting.ts";
import type { Shield } from "../catalog/shield.ts";
import { type RequestHeaders, selectVariant } from "../policy/vary.ts";
import type { PurgeMarks } from "../purge/marks.ts";
import type { Steering } from "../steer/steering.ts";
import { type Flight, type FlightOrder, type Landing, startFlight } from "./flight.ts";
import type { OriginClient } from "./origin-client.ts";

/** For so long a target whose answer could not be shared is fetched for each client at once, without waiting for another's. */
const UNSHARED_MS = 60_000;
/** For so long a target that could not be stored (too long, disk full) is only passed through. */
const TROUBLE_MS = 60_000;
/** For so long after its origin failed to say whether it still holds, a stored answer that may be served stale is served without asking again. */
const FAILED_MS = 5_000;
const MAX_NOTES = 100_000;

/** Rules of flights. */
export interface FlightOptions {
  edgeScheme: string;
  maxObjectBytes: number;
}

/** What flights work with. */
export interface FlightDeps {
  origin: OriginClient;
  catalog: Catalog;
  shield: Shield;
  steering: Steering;
  clock: Clock;
  log: Log;
  /** Takes what came of a body that broke off, before it goes; `size` is what it was to have. */
  onBrokenOff: (draft: EntryDraft, size: number, body: GrowingFile) => Promise<void>;
  /** Told of a target that cannot be stored here now, although the origin would have it so. */
  onTrouble: (site: string, key: string) => void;
}

/** A request's share in a flight. */
export interface Seat {
  landing: Landing;
  isLeader: boolean;
  /** Resolves when nothing of the flight is left to do, as when its body is stored. Never rejects. */
  over: Promise<void>;
}

/** All origin requests for the cache that are under way: one for each site and target, however many clients wait. */
export class Flights implements AsyncDisposable {
  readonly #options: FlightOptions;
  readonly #deps: FlightDeps;
  readonly #shared = new Map<string, Flight[]>();
  /** Every flight and its key, those that are not shared included. */
  readonly #all = new Map<Flight, string>();
  readonly #others = new Map<Promise<unknown>, string>();
  readonly #unsharedUntilMs = new Lru<number>(MAX_NOTES);
  readonly #troubleUntilMs = new Lru<number>(MAX_NOTES);
  readonly #failedUntilMs = new Lru<number>(MAX_NOTES);
  /** Keys that are being renewed behind the clients' backs. */
  readonly #renewing = new Set<string>();
  readonly #stop = new AbortController();

  constructor(options: FlightOptions, deps: Omit<FlightDeps, "onTrouble">) {
    this.#options = options;
    const onTrouble = (site: string, key: string) =>
      this.#troubleUntilMs.set(flightKey(site, key), deps.clock.nowMs() + TROUBLE_MS, 1);
    this.#deps = { ...deps, onTrouble };
  }

  /** Flights under way, those that nobody waits for included. */
  get count(): number {
    return this.#all.size;
  }

  /** True when this target is better passed through now, because storing it failed a moment ago. */
  isInTrouble(site: string, key: string): boolean {
    return (this.#troubleUntilMs.get(flightKey(site, key)) ?? 0) > this.#deps.clock.nowMs();
  }

  /** True for a moment after the origin failed to say whether what is stored for this target still holds. */
  hasJustFailed(site: string, key: string): boolean {
    return (this.#failedUntilMs.get(flightKey(site, key)) ?? 0) > this.#deps.clock.nowMs();
  }

  /** True while a pull of this target is under way that others may join. */
  isUnderWay(site: string, key: string): boolean {
    return this.#shared.get(flightKey(site, key))?.some(({ hasBroken }) => !hasBroken) ?? false;
  }

  /**
   * Waits for a flight under way whose answer suits this request, or leads a new one. A waiter whom the answer does not suit leads one of its
   * own; where answers may not be shared at all, it does so without anyone waiting for it.
   * @param alone neither lead nor join a shared flight
   */
  async board(order: FlightOrder, alone: boolean): Promise<Seat> {
    const id = flightKey(order.site.name, order.request.target);
    let isShared = !alone && (this.#unsharedUntilMs.get(id) ?? 0) <= this.#deps.clock.nowMs();
    const tried = new Set<Flight>();
    while (isShared) {
      const flight = this.#shared
        .get(id)
        ?.find((candidate) => !tried.has(candidate) && this.#isJoinable(candidate, order));
      if (flight === undefined) break;
      tried.add(flight);
      const landing = await flight.landing;
      if (flight.hasBroken || flight.isOutdated) continue;
      // One failure for all who waited: asking a dead origin once for each of them helps nobody.
      if (landing.kind === "failed" || isFor(landing, order.request.headers, this.#deps.catalog.marks)) {
        // Not earlier: hints about an answer that turns out to be another's are another's too.
        for (const { status, headers } of flight.informs) order.request.inform(status, headers);
        return { landing, isLeader: false, over: flight.over };
      }
      if (landing.kind === "unstorable" || !landing.isShared) isShared = false;
    }
    const flight = this.#launch(id, order, isShared);
    return { landing: await flight.landing, isLeader: true, over: flight.over };
  }

  /** Renews what is stored with nobody waiting for it (RFC 5861 3): once for each target, and not while it is in trouble. False: somebody does already. */
  renew(order: FlightOrder): boolean {
    const { site, request } = order;
    const id = flightKey(site.name, request.target);
    if (this.#renewing.has(id) || this.#shared.has(id)) return false;
    if (this.hasJustFailed(site.name, request.target) || this.isInTrouble(site.name, request.target)) return false;
    this.#renewing.add(id);
    this.board(order, false)
      .then(({ landing, isLeader }) => {
        if (isLeader && landing.kind === "unstorable") landing.response.discard();
        if (landing.kind === "failed") this.#deps.log.warn({ err: landing.error, site: site.name }, "renewing failed");
      })
      .finally(() => this.#renewing.delete(id));
    return true;
  }

  /** Resolves when the flights of a site, and what else changes its entries, are over, as far as they are under way now. */
  async over(site: string): Promise<void> {
    const prefix = flightKey(site, "");
    const flights = [...this.#all].flatMap(([flight, id]) => (id.startsWith(prefix) ? [flight.over] : []));
    const others = [...this.#others].flatMap(([work, name]) => (name === site ? [work] : []));
    await Promise.allSettled([...flights, ...others]);
  }

  /** Counts other work that changes entries of a site as being under way. */
  during<T>(site: string, work: Promise<T>): Promise<T> {
    this.#others.set(work, site);
    const end = () => void this.#others.delete(work);
    work.then(end, end);
    return work;
  }

  /** What is under way for a target may be out of date: nobody joins it any more, and nothing of it is kept. */
  invalidate(site: string, key: string): void {
    const id = flightKey(site, key);
    for (const [flight, flightId] of this.#all) if (flightId === id) flight.isDoomed = true;
    this.#shared.delete(id);
  }

  /** Cuts all flights off and waits until nothing of them is left on disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the Router is stopping"));
    await Promise.all([...this.#all.keys()].map((flight) => flight.over));
  }

  /** What was purged after it began is not for those who ask from then on; of tags nothing is known before it lands. */
  #isJoinable({ hasBroken, beganAtMs }: Flight, { site, request }: FlightOrder): boolean {
    if (hasBroken) return false;
    const coming = { site: site.name, key: request.target, headers: undefined, requestTimeMs: beganAtMs };
    return !this.#deps.catalog.marks.isOutdated(coming);
  }

  /** What was purged since its waiter found it is fetched, and not confirmed. */
  #unlessPurged(order: FlightOrder): FlightOrder {
    if (order.stored === undefined || this.#deps.catalog.marks.judge(order.stored.entry) !== "gone") return order;
    const { stored: _, ...unconditional } = order;
    return unconditional;
  }

  #launch(id: string, order: FlightOrder, isShared: boolean): Flight {
    const flight = startFlight(this.#unlessPurged(order), this.#options, this.#deps, this.#stop.signal);
    this.#all.set(flight, id);
    if (isShared) this.#shared.set(id, [...(this.#shared.get(id) ?? []), flight]);
    flight.landing.then((landing) => {
      if (landing.kind === "failed" && order.stored !== undefined) {
        this.#failedUntilMs.set(id, this.#deps.clock.nowMs() + FAILED_MS, 1);
      }
      if (flight.isOutdated || landing.kind === "failed") return;
      if (landing.kind !== "unstorable" && landing.isShared) return;
      this.#unsharedUntilMs.set(id, this.#deps.clock.nowMs() + UNSHARED_MS, 1);
    });
    flight.over.then(() => {
      this.#all.delete(flight);
      const others = this.#shared.get(id)?.filter((other) => other !== flight) ?? [];
      if (others.length === 0) this.#shared.delete(id);
      else this.#shared.set(id, others);
    });
    return flight;
  }
}

/** RFC 9111 4: shared only with requests that the stored response would answer as well. */
function isFor(landing: Exclude<Landing, { kind: "failed" }>, headers: RequestHeaders, marks: PurgeMarks): boolean {
  if (landing.kind === "unstorable" || !landing.isShared) return false;
  if (landing.isSilent && headers.cookie !== undefined) return false;
  const candidate = landing.kind === "storing" ? landing.draft : landing.entry;
  // Purged on its way: it answers those who asked before, and nobody else.
  if (marks.isOutdated(candidate)) return false;
  return selectVariant([candidate], selectingHeaders(headers)) !== undefined;
}

function flightKey(site: string, key: string): string {
  return `${site} ${key}`;
}
