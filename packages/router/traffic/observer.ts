import { networkOf } from "@neson/kit/address";
import type { Clock } from "@neson/kit/clock";
import type { Answer } from "@neson/kit/http/answer";
import { Lru } from "../catalog/lru.ts";
import type { Exchange } from "../edge/exchange.ts";
import { type AccessRecord, accessRecord } from "./access-record.ts";
import type { Latencies } from "./latencies.ts";
import type { LiveLog } from "./live-log.ts";
import type { Tallies } from "./tally.ts";

/** Client addresses whose network and country are kept in mind, about 4 MB. */
const MAX_PLACES = 20_000;
const NOWHERE = "unknown";

/** What observing works with. */
export interface ObserverDeps {
  tallies: Tallies;
  latencies: Latencies;
  live: LiveLog;
  /** Where every request is written; none when no access log is wanted. */
  accessLog: { add(record: AccessRecord): void } | undefined;
  /** The country of an address, as "DE"; undefined when it is not known. */
  countryOf: (address: string) => string | undefined;
  clock: Clock;
}

interface Place {
  network: string;
  country: string | undefined;
}

/** Counts what the edge answers, and hands the records of it to those who read along. */
export class TrafficObserver {
  readonly #deps: ObserverDeps;
  readonly #places = new Lru<Place>(MAX_PLACES);

  constructor(deps: ObserverDeps) {
    this.#deps = deps;
  }

  /** The answer, made to report what becomes of it: bytes while they flow, the rest at the end. */
  observe(x: Exchange, answer: Answer): Answer {
    const { tallies, latencies, clock } = this.#deps;
    const site = x.site.name;
    const place = this.#placeOf(x.request.remoteAddress);
    const answeredMs = clock.nowMs();
    latencies.add(x.trace.outcome, answeredMs - x.nowMs);
    this.#count(x, answer, place);
    let countedBytes = 0;
    const countBytes = (bytes: number): void => {
      const added = bytes - countedBytes;
      if (added <= 0) return;
      countedBytes = bytes;
      const tally = tallies.of(site);
      tally.total.bytes += added;
      tally.of("sender", "router").bytes += added;
      tally.of("outcome", x.trace.outcome).bytes += added;
      tally.of("status", String(answer.status)).bytes += added;
      tally.of("country", place.country ?? NOWHERE).bytes += added;
    };
    const { sent, progress } = answer;
    return {
      ...answer,
      progress: (bytes) => {
        progress?.(bytes);
        countBytes(bytes);
      },
      sent: (bytes, complete) => {
        sent?.(bytes, complete);
        countBytes(bytes);
        this.#record(x, answer, place, { bytes, complete, answeredMs });
      },
    };
  }

  #count(x: Exchange, answer: Answer, { country }: Place): void {
    const tally = this.#deps.tallies.of(x.site.name);
    tally.total.requests += 1;
    tally.of("sender", x.trace.terminalId === undefined ? "router" : "terminals").requests += 1;
    tally.of("outcome", x.trace.outcome).requests += 1;
    tally.of("status", String(answer.status)).requests += 1;
    tally.of("country", country ?? NOWHERE).requests += 1;
    if (x.trace.terminalId !== undefined) tally.of("terminal", x.trace.terminalId).requests += 1;
  }

  #record(
    x: Exchange,
    answer: Answer,
    place: Place,
    ending: { bytes: number; complete: boolean; answeredMs: number },
  ): void {
    const { live, accessLog, clock } = this.#deps;
    const isWatched = live.isWatched(x.site.name);
    if (!isWatched && accessLog === undefined) return;
    const { network: clientNetwork, country } = place;
    const record = accessRecord(x, answer, { ...ending, endedMs: clock.nowMs(), clientNetwork, country });
    accessLog?.add(record);
    if (isWatched) live.add(record);
  }

  #placeOf(address: string): Place {
    const known = this.#places.get(address);
    if (known !== undefined) return known;
    const place = { network: networkOf(address), country: this.#deps.countryOf(address) };
    this.#places.set(address, place, 1);
    return place;
  }
}
