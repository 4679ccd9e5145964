import type { Clock } from "@neson/kit/clock";
import { Lru } from "../catalog/lru.ts";
import { selectingHeaders } from "../catalog/selecting.ts";
import type { OriginResponse } from "../origin/origin-client.ts";
import { withoutCookies } from "../origin/response-headers.ts";
import { freshened } from "../policy/update.ts";
import { type RequestHeaders, selectVariant } from "../policy/vary.ts";
import { type AcceptedPart, acceptPart, belongsTo, takeOver } from "./accept.ts";
import type { Asking } from "./asking.ts";
import type { OpeningRange } from "./grid.ts";
import { SliceFetch } from "./slice-fetch.ts";
import type { SliceFetches } from "./slice-fetches.ts";
import type { SliceStore, Watch } from "./slice-store.ts";
import type { Sliced } from "./sliced.ts";

/** Up to this size the rest of a file follows in the background, so that it becomes an ordinary object even if nobody asks for all of it. */
const COMPLETED_BYTES = 67_108_864;
/** For so long a target that cannot be had in slices is not asked for in slices. */
const NOTED_MS = 60_000;
const MAX_NOTES = 100_000;

/** What an origin made of the request for a first slice. */
export type Opened =
  /** It is, or will be, in the store; what came is for who asked. */
  | { kind: "sliced"; sliced: Sliced; came: Came | undefined; isLeader: boolean }
  /** Something else than a part, for the leader alone, who must read or discard it. */
  | { kind: "response"; response: OriginResponse }
  /** A part that must not be kept or shared, or an answer that is another's alone: ask in another way. */
  | { kind: "elsewhere" }
  | { kind: "failed"; error: unknown };

/** A part on its way, with the response that brings it. */
export interface Came {
  response: OriginResponse;
  fetch: SliceFetch;
  /** True when Content-Range and the length of the content contradict each other. */
  isOdd: boolean;
  /** True when the fetch takes all that the response brings. */
  isAll: boolean;
}

/** A request for a first slice. */
export interface OpeningOrder {
  key: string;
  headers: RequestHeaders;
  range: Pick<OpeningRange, "value" | "maxBytes">;
  /** Fields to add to the origin request, flat. */
  conditions: readonly string[];
  /** What the conditions are about. */
  former: Sliced | undefined;
}

/** What openings work with. */
export interface OpeningsDeps {
  store: SliceStore;
  fetches: SliceFetches;
  clock: Clock;
}

/** The requests that find out about a representation and bring a first part of it: one for all who ask for the same meanwhile. */
export class Openings {
  readonly #deps: OpeningsDeps;
  readonly #underWay = new Map<string, Promise<Opened>>();
  readonly #notes = new Lru<{ what: "pass" | "whole"; untilMs: number }>(MAX_NOTES);

  constructor(deps: OpeningsDeps) {
    this.#deps = deps;
  }

  /** How a target that cannot be had in slices is better asked for now: each range as it is, or as a whole; undefined when nothing speaks against slices. */
  noted(site: string, key: string): "pass" | "whole" | undefined {
    const note = this.#notes.get(`${site} ${key}`);
    return note !== undefined && note.untilMs > this.#deps.clock.nowMs() ? note.what : undefined;
  }

  /** Asks the origin, or waits for the answer to the same question and takes it if it suits. Never rejects. */
  async open(order: OpeningOrder, asking: Asking): Promise<Opened> {
    const id = JSON.stringify([asking.site.name, order.key, order.range.value, ...order.conditions]);
    const joined = this.#underWay.get(id);
    if (joined !== undefined) {
      const opened = await joined;
      if (opened.kind === "response") return { kind: "elsewhere" };
      if (opened.kind !== "sliced") return opened;
      // Doomed: purged on its way, it is for those who asked before.
      if (!opened.sliced.isDoomed && suits(opened.sliced, order.headers)) return { ...opened, isLeader: false };
    }
    const opening = this.#ask(order, asking).catch((error): Opened => ({ kind: "failed", error }));
    if (joined !== undefined) return await opening;
    this.#underWay.set(id, opening);
    const span = /^bytes=(\d+)-(\d+)$/.exec(order.range.value);
    if (span !== null) {
      const [first, last] = [Number(span[1]), Number(span[2])];
      this.#deps.fetches.announced.add({ site: asking.site.name, key: order.key, first, last, landed: opening });
    }
    // Ahead of who asked, so that nobody joins an answer that is out.
    const opened = await opening.finally(() => this.#underWay.delete(id));
    return opened;
  }

  async #ask(order: OpeningOrder, asking: Asking): Promise<Opened> {
    const { store, fetches } = this.#deps;
    const { former, range, key } = order;
    const site = asking.site.name;
    using watch = store.watch(site, key);
    const release = await fetches.slot(asking.site);
    let over: Promise<unknown> = Promise.resolve();
    try {
      const response = await asking.send(["Range", range.value, ...order.conditions]);
      if (response.status === 206) {
        const accepted = acceptPart(response, order, asking.site);
        if (accepted !== undefined) {
          const opened = this.#begin(accepted, order, asking, response, watch);
          over = opened.over;
          return { kind: "sliced", ...opened, isLeader: true };
        }
        response.discard();
        this.#note(site, key, "pass");
        return { kind: "elsewhere" };
      }
      if (response.status === 304 && former !== undefined) return this.#confirm(former, response, watch);
      // RFC 9110 15.5: an error of the origin says nothing about the version; every other answer does.
      if (former !== undefined && response.status < 500) store.drop(former);
      if (response.status === 200) this.#note(site, key, "whole");
      return { kind: "response", response };
    } finally {
      over.finally(release);
    }
  }

  #begin(accepted: AcceptedPart, order: OpeningOrder, asking: Asking, response: OriginResponse, watch: Watch) {
    const { store, fetches } = this.#deps;
    const { site } = asking;
    const { head, first, isOdd } = accepted;
    const draft = { ...head, site: site.name, key: order.key };
    const known = store.find(site.name, order.key, order.headers);
    const isKnown = !watch.isDoomed && known !== undefined && !isOdd && belongsTo(known, head.size, response);
    const sliced = isKnown ? known : watch.isDoomed ? store.make(draft) : store.add(draft);
    if (isKnown) store.update(known);
    const fetch = new SliceFetch(first, Math.min(accepted.last, first + order.range.maxBytes - 1));
    const over = fetches.receive(sliced, fetch, response, accepted.last, site);
    const mayComplete = !isKnown && sliced.validator !== undefined && !sliced.isDoomed;
    if (mayComplete && sliced.size <= COMPLETED_BYTES) fetches.complete(sliced, asking);
    return { sliced, came: { response, fetch, isOdd, isAll: fetch.last === accepted.last }, over };
  }

  /** RFC 9111 4.3.4. */
  #confirm(former: Sliced, response: OriginResponse, watch: Watch): Opened {
    response.discard();
    const { requestTimeMs, responseTimeMs } = response;
    const headers = withoutCookies(response.headers);
    const updated = freshened(former, { headers, requestTimeMs, responseTimeMs });
    if (updated === undefined || watch.isDoomed) {
      this.#deps.store.drop(former);
      return { kind: "elsewhere" };
    }
    takeOver(former, updated);
    this.#deps.store.update(former);
    return { kind: "sliced", sliced: former, came: undefined, isLeader: true };
  }

  #note(site: string, key: string, what: "pass" | "whole"): void {
    this.#notes.set(`${site} ${key}`, { what, untilMs: this.#deps.clock.nowMs() + NOTED_MS }, 1);
  }
}

/** RFC 9111 4: what one asked for is another's too if the stored response would answer both. Where the origin left its freshness open, members ask anew. */
function suits(sliced: Sliced, headers: RequestHeaders): boolean {
  if (sliced.facts.isSilent && headers.cookie !== undefined) return false;
  return selectVariant([sliced], selectingHeaders(headers)) !== undefined;
}
