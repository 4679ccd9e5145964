import type { Clock } from "@neson/kit/clock";
import { describeError, NesonError } from "@neson/kit/error";
import type { EdgeRequest } from "@neson/kit/http/answer";
import type { Log } from "@neson/kit/log";
import type { Catalog } from "../catalog/catalog.ts";
import type { Shield } from "../catalog/shield.ts";
import type { OriginClient, OriginResponse } from "../origin/origin-client.ts";
import type { Site } from "../sites/site.ts";
import type { Steering } from "../steer/steering.ts";
import { belongsTo } from "./accept.ts";
import { Announced } from "./announced.ts";
import { type Asking, askingFor } from "./asking.ts";
import { Assemblies } from "./assemblies.ts";
import { contentRangeOf } from "./content-range.ts";
import { receivePart, SliceFetch } from "./slice-fetch.ts";
import type { SliceStore } from "./slice-store.ts";
import { fetchAt, gapAt, isWhole, partAt, type Sliced } from "./sliced.ts";
import { Slots } from "./slots.ts";

/** Origin requests for slices of one site at once, and so what they hold in memory: a slice each. */
const MAX_FETCHES_PER_SITE = 64;
/** How often a reader asks again for a slice whose transfer broke off. */
const MAX_RETRIES = 2;

/** Rules of fetches. */
export interface SliceFetchesOptions {
  edgeScheme: string;
  /** A larger representation stays in slices for ever. */
  maxObjectBytes: number;
}

/** What fetches work with. */
export interface SliceFetchesDeps {
  store: SliceStore;
  origin: OriginClient;
  catalog: Catalog;
  shield: Shield;
  steering: Steering;
  clock: Clock;
  log: Log;
}

/** All origin requests for slices that are under way, at most one for each byte, and those who read along. */
export class SliceFetches implements AsyncDisposable {
  /** Requests that open a file, by what they ask for. */
  readonly announced = new Announced();
  readonly #options: SliceFetchesOptions;
  readonly #deps: SliceFetchesDeps;
  readonly #slots = new Slots(MAX_FETCHES_PER_SITE);
  readonly #stop = new AbortController();
  readonly #work = new Set<Promise<unknown>>();
  readonly #assemblies: Assemblies;

  constructor(options: SliceFetchesOptions, deps: SliceFetchesDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#assemblies = new Assemblies(options, deps, this.#stop.signal);
  }

  /** See `askingFor`. */
  asking(site: Site, request: EdgeRequest): Asking {
    const { edgeScheme } = this.#options;
    return askingFor({ site, request }, { origin: this.#deps.origin, edgeScheme, signal: this.#stop.signal });
  }

  /** Waits for a slot of the site; call what comes back once the transfer is over. */
  slot(site: Site): Promise<() => void> {
    return this.#slots.take(site.name);
  }

  /**
   * Sees to it that byte `at` is stored or coming.
   * @returns "changed" when this version cannot be had from the origin any more, or not now; "fetched" when it had to be asked for, "joined" when it was
   * on its way already
   * @throws NesonError of the origin client
   */
  async ensure(sliced: Sliced, at: number, asking: Asking): Promise<"stored" | "joined" | "fetched" | "changed"> {
    await this.announced.at(sliced, at);
    if (partAt(sliced, at) !== undefined) return "stored";
    const underWay = fetchAt(sliced, at);
    const landing = await (underWay ?? this.#fetch(sliced, at, asking)).landing;
    if (typeof landing === "object") throw landing.error;
    if (landing !== "part") return "changed";
    return underWay === undefined ? "fetched" : "joined";
  }

  /**
   * Bytes `first` to `last`, from the disk where they are stored and from the origin where not, with one slice read ahead. Throws rather than to go on with
   * another version.
   */
  async *read(
    sliced: Sliced,
    first: number,
    last: number,
    asking: Asking,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (isWhole(sliced)) this.#assemblies.add(sliced, asking.site);
    let retriesLeft = MAX_RETRIES;
    for (let at = first; at <= last; ) {
      const startedAt = at;
      try {
        for await (const bytes of this.#readOn(sliced, at, last, asking)) {
          at += bytes.length;
          yield bytes;
        }
        if (at > startedAt) retriesLeft = MAX_RETRIES;
      } catch (error) {
        // A lost part and a transfer that broke off are asked for again; another version is not.
        if (--retriesLeft < 0 || this.#stop.signal.aborted || isFinal(error)) throw error;
      }
    }
  }

  /** Takes in the body of a part whose header section was accepted. */
  receive(sliced: Sliced, fetch: SliceFetch, response: OriginResponse, carriesLast: number, site: Site): Promise<void> {
    sliced.fetches.add(fetch);
    return this.#tracked(this.#receive(sliced, fetch, response, carriesLast, site));
  }

  /** Fetches what lacks, slice after slice, for nobody in particular. */
  complete(sliced: Sliced, asking: Asking): void {
    const work = async () => {
      for (let at = 0; at < sliced.size && !sliced.isDoomed; ) {
        const part = partAt(sliced, at) ?? fetchAt(sliced, at);
        const last = part?.last ?? gapAt(sliced, at).last;
        if (part === undefined) for await (const _ of this.read(sliced, at, last, asking));
        at = last + 1;
      }
    };
    const subject = { site: asking.site.name, target: sliced.key };
    this.#tracked(
      work().catch((err) => this.#deps.log.debug({ err, ...subject }, "completing a sliced file ended early")),
    );
  }

  /** Resolves when the files that are being put together now are objects, or will not be. */
  assembled(): Promise<void> {
    return this.#assemblies.idle();
  }

  /** Cuts off what is under way and waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the Router is stopping"));
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
    await this.#assemblies.idle();
  }

  async *#readOn(
    sliced: Sliced,
    at: number,
    last: number,
    asking: Asking,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const part = partAt(sliced, at);
    const end = Math.min(last, part?.last ?? last);
    if (part !== undefined) {
      if (end < last) this.#fetchAhead(sliced, end + 1, asking);
      yield* this.#deps.store.read(sliced, at, end) ?? [];
      return;
    }
    // Assembled while this reader was under way: the same bytes lie in the shield.
    const object = sliced.objectId === undefined ? undefined : this.#deps.shield.open(sliced.objectId);
    if (object !== undefined) {
      yield* this.#deps.shield.read(object.path, at, last);
      return;
    }
    const opening = this.announced.at(sliced, at);
    if (opening !== undefined) {
      await opening;
      return;
    }
    const fetch = fetchAt(sliced, at) ?? this.#fetch(sliced, at, asking);
    const landing = await fetch.landing;
    if (typeof landing === "object") throw landing.error;
    if (landing !== "part") throw lost(sliced, landing);
    if (fetch.last < last) this.#fetchAhead(sliced, fetch.last + 1, asking);
    for await (const bytes of fetch.read(at, last)) {
      yield bytes;
      // Who lags behind goes on from the disk, and memory lets the slice go.
      if (fetch.isStored) return;
    }
  }

  #fetchAhead(sliced: Sliced, at: number, asking: Asking): void {
    const isThere = (partAt(sliced, at) ?? fetchAt(sliced, at) ?? this.announced.at(sliced, at)) !== undefined;
    if (!isThere) this.#fetch(sliced, at, asking);
  }

  #fetch(sliced: Sliced, at: number, asking: Asking): SliceFetch {
    const { first, last } = gapAt(sliced, at);
    const fetch = new SliceFetch(first, last);
    sliced.fetches.add(fetch);
    const { promise, resolve } = Promise.withResolvers<Awaited<SliceFetch["landing"]>>();
    fetch.landing = promise;
    const fetching = this.#land(sliced, fetch, asking, resolve).catch((error) => {
      this.#over(sliced, fetch);
      resolve({ error });
    });
    this.#tracked(fetching);
    return fetch;
  }

  async #land(
    sliced: Sliced,
    fetch: SliceFetch,
    asking: Asking,
    land: (landing: "part" | "changed" | "failing") => void,
  ): Promise<void> {
    const release = await this.slot(asking.site);
    try {
      const { first, last } = fetch;
      const range = last === sliced.size - 1 ? `bytes=${first}-` : `bytes=${first}-${last}`;
      const condition = sliced.validator === undefined ? [] : ["If-Range", sliced.validator];
      const response = await asking.send(["Range", range, ...condition]);
      const found = response.status === 206 ? contentRangeOf(response.headers) : undefined;
      if (found?.first !== first || !belongsTo(sliced, found.size, response)) {
        response.discard();
        this.#over(sliced, fetch);
        // A failing origin says nothing about the version; every other answer does.
        if (response.status < 500) this.#deps.store.drop(sliced);
        land(response.status < 500 ? "changed" : "failing");
        return;
      }
      this.#deps.store.update(sliced);
      fetch.last = Math.min(last, found.last);
      land("part");
      await this.#receive(sliced, fetch, response, found.last, asking.site);
    } finally {
      release();
    }
  }

  async #receive(
    sliced: Sliced,
    fetch: SliceFetch,
    response: OriginResponse,
    carriesLast: number,
    site: Site,
  ): Promise<void> {
    const stop = () => response.discard();
    this.#stop.signal.addEventListener("abort", stop, { once: true });
    let failure: unknown;
    try {
      await receivePart(fetch, response, carriesLast);
    } catch (error) {
      failure = error;
      fetch.hasBroken = true;
    } finally {
      this.#stop.signal.removeEventListener("abort", stop);
    }
    // RFC 9111 3.3: what came before a break is good, if more of the same version can be told from another.
    if (failure === undefined || (sliced.validator !== undefined && isCutShort(failure))) {
      fetch.isStored = await this.#deps.store.addPart(sliced, fetch.first, fetch.body.chunks);
    }
    this.#over(sliced, fetch);
    if (failure === undefined) fetch.body.end();
    else {
      const subject = { err: failure, site: site.name, target: sliced.key };
      this.#deps.log.warn(subject, `pulling a slice failed: ${describeError(failure)}`);
      fetch.body.fail(failure as Error);
    }
    if (isWhole(sliced)) this.#assemblies.add(sliced, site);
  }

  #over(sliced: Sliced, fetch: SliceFetch): void {
    sliced.fetches.delete(fetch);
    // A representation of which nothing is stored or coming is none.
    if (sliced.parts.length === 0 && sliced.fetches.size === 0) this.#deps.store.drop(sliced);
  }

  #tracked<T>(work: Promise<T>): Promise<T> {
    this.#work.add(work);
    work.then(
      () => this.#work.delete(work),
      () => this.#work.delete(work),
    );
    return work;
  }
}

function lost({ site, key }: Sliced, landing: "changed" | "failing"): NesonError {
  const found = landing === "changed" ? "found another version at the origin" : "the origin reports an error";
  const code = landing === "changed" ? "origin-changed" : "origin-error-status";
  return new NesonError(code, `sending ${key} of site ${site} in slices: ${found}`, { fault: "peer" });
}

function isFinal(error: unknown): boolean {
  return error instanceof NesonError && error.code === "origin-changed";
}

function isCutShort(error: unknown): boolean {
  return error instanceof NesonError && (error.code === "origin-cut-short" || error.code === "origin-timeout");
}
