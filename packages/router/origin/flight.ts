import { describeError, NesonError } from "@neson/kit/error";
import type { EdgeRequest } from "@neson/kit/http/answer";
import { ObjectHasher } from "@neson/protocol/object";
import type { CatalogEntry, EntryDraft } from "../catalog/entry.ts";
import type { GrowingFile } from "../catalog/growing-file.ts";
import { selectingHeaders } from "../catalog/selecting.ts";
import type { ShieldWrite } from "../catalog/shield.ts";
import { isOriginFailure } from "../policy/options.ts";
import { prepare } from "../policy/prepare.ts";
import { storable } from "../policy/storable.ts";
import { freshened } from "../policy/update.ts";
import { varyOf } from "../policy/vary.ts";
import type { Site } from "../sites/site.ts";
import type { FlightDeps, FlightOptions } from "./flights.ts";
import type { OriginResponse } from "./origin-client.ts";
import { pacedBody } from "./paced-body.ts";
import { originRequestHeaders } from "./request-headers.ts";
import { withoutCookies } from "./response-headers.ts";

/** What a flight is to fetch, and for whom first. */
export interface FlightOrder {
  site: Site;
  request: EdgeRequest;
  /** The origin's whole answer, when it was asked already (for a part): the flight goes on from there. Its leader alone uses it. */
  response?: OriginResponse;
  /** Present when a stored entry is to be confirmed rather than fetched. */
  stored?: {
    entry: CatalogEntry;
    /** Flat fields to add, see RevalidatePlan. */
    conditions: readonly string[];
    /** True when the entry may stand in for a 5xx answer. */
    coversErrors: boolean;
  };
}

/** For whom an answer is beside the one who asked. */
interface Sharing {
  /** False: for nobody. */
  isShared: boolean;
  /** True: the origin left open how long it holds, so that members, who have a cookie, ask for themselves. */
  isSilent: boolean;
}

/** What a flight turned out to be, once the origin's header section is there. */
export type Landing =
  /** Kept: the body streams into the shield, and whoever matches `draft.vary` may read along. */
  | ({ kind: "storing"; draft: EntryDraft; size: number | undefined; body: GrowingFile } & Sharing)
  /** The origin said 304: `entry` is the updated one. */
  | ({ kind: "confirmed"; entry: CatalogEntry } & Sharing)
  /** Not kept: the leader alone gets it, and must read or discard it. */
  | { kind: "unstorable"; response: OriginResponse }
  | { kind: "failed"; error: unknown };

/** One origin request for the cache, whoever waits for it. It goes on when all who wait have left. */
export interface Flight {
  /** Never rejects. */
  landing: Promise<Landing>;
  /** Resolves when nothing is left to do: stored, given up, or handed to the leader. Never rejects. */
  over: Promise<void>;
  /** True once its target was invalidated: what it brings may be out of date and is not kept. */
  isDoomed: boolean;
  /** When it began, Unix milliseconds: what was purged later was asked for before. */
  readonly beganAtMs: number;
  /** True once what it brings turned out to be purged or invalidated on its way: its leader alone gets it. */
  isOutdated: boolean;
  /** True once its body broke off: those who read along are cut off, and nobody may join any more. */
  hasBroken: boolean;
  /** The origin's interim answers so far, for those who wait; its leader has had them. */
  informs: Interim[];
}

/** An interim answer (RFC 9110 15.2). */
export interface Interim {
  status: number;
  /** Flat. */
  headers: string[];
}

/** More interim answers of one request are not passed on. */
const MAX_INFORMS = 16;

/** Starts a flight. It ends early, with an error, when `signal` aborts. */
export function startFlight(order: FlightOrder, options: FlightOptions, deps: FlightDeps, signal: AbortSignal): Flight {
  const { promise: landing, resolve: land } = Promise.withResolvers<Landing>();
  const flight: Flight = {
    ...{ landing, over: Promise.resolve(), beganAtMs: deps.clock.nowMs(), informs: [] },
    ...{ isDoomed: false, isOutdated: false, hasBroken: false },
  };
  flight.over = fly(flight, order, options, deps, signal, land).catch((error) => {
    // After landing this changes nothing: those who read along have heard from the body.
    land({ kind: "failed", error });
  });
  return flight;
}

async function fly(
  flight: Flight,
  order: FlightOrder,
  options: FlightOptions,
  deps: FlightDeps,
  signal: AbortSignal,
  land: (landing: Landing) => void,
): Promise<void> {
  const ask = (conditions: readonly string[]) => askOrigin(flight, order, conditions, options, deps, signal);
  let response = order.response ?? (await ask(order.stored?.conditions ?? []));
  if (response.status === 304 && order.stored !== undefined) {
    response.discard();
    const confirmed = await confirm(flight, order, order.stored.entry, response, deps);
    if (confirmed !== undefined) {
      land(confirmed);
      return;
    }
    // RFC 9111 4.3.4: the 304 was about something else, or about what was purged meanwhile; only a fetch without conditions can help.
    response = await ask([]);
  }
  if (isOriginFailure(response.status) && order.stored?.coversErrors === true) {
    response.discard();
    throw new NesonError("origin-error-status", `the origin answered ${response.status}`, { fault: "peer" });
  }
  const draft = draftOf(order, response, options);
  flight.isOutdated = draft !== undefined && (flight.isDoomed || deps.catalog.marks.isOutdated(draft));
  if (draft === undefined || flight.isOutdated) {
    land({ kind: "unstorable", response });
    return;
  }
  const write = deps.shield.begin();
  const { isShared, isSilent, ...kept } = draft;
  const storing = store(flight, kept, response, write, order.site, options, deps, signal);
  // Who is answered without content has seen all of the answer at once, and is to find it stored.
  if (response.contentLength === 0 || response.status === 204) await storing;
  land({ kind: "storing", draft: kept, size: response.contentLength, body: write.body, isShared, isSilent });
  await storing;
}

function askOrigin(
  flight: Flight,
  order: FlightOrder,
  conditions: readonly string[],
  options: FlightOptions,
  deps: FlightDeps,
  signal: AbortSignal,
): Promise<OriginResponse> {
  const { site, request } = order;
  const headers = originRequestHeaders(request, {
    kind: "pull",
    edgeScheme: options.edgeScheme,
    siteHost: site.hosts[0],
    extra: conditions,
  });
  const onInform = (status: number, fields: string[]) => {
    if (flight.informs.push({ status, headers: fields }) <= MAX_INFORMS) request.inform(status, fields);
    else flight.informs.pop();
  };
  return deps.origin.send({ site, method: "GET", target: request.target, headers, onInform, signal });
}

async function confirm(
  flight: Flight,
  order: FlightOrder,
  former: CatalogEntry,
  response: OriginResponse,
  deps: FlightDeps,
): Promise<Landing | undefined> {
  const headers = withoutCookies(response.headers);
  const changed = freshened(former, { ...response, headers });
  if (changed === undefined) return undefined;
  const { isSilent } = changed.facts;
  const judgement = deps.catalog.marks.judge(changed);
  // What was purged is not to be had by being confirmed.
  if (judgement === "gone") return undefined;
  flight.isOutdated = flight.isDoomed || judgement !== "untouched";
  if (flight.isOutdated) return { kind: "confirmed", entry: changed, isShared: false, isSilent };
  const entry = await deps.catalog.update(former, changed);
  if (entry.headersId !== former.headersId) tellSteering(entry, order.site, deps);
  const verdict = storable({ method: "GET", headers: order.request.headers }, entry, order.site.cache);
  return { kind: "confirmed", entry, isShared: verdict.store && verdict.mayShareWithWaiters, isSilent };
}

/** What would be stored of a response; undefined when nothing may be. */
function draftOf(
  { site, request }: FlightOrder,
  response: OriginResponse,
  { maxObjectBytes }: FlightOptions,
): (EntryDraft & Sharing) | undefined {
  const { headers, target } = request;
  const verdict = storable({ method: "GET", headers, target }, response, site.cache);
  const variant = varyOf(response.headers, selectingHeaders(headers), site.cache.varyBy);
  if (!verdict.store || variant === "star" || (response.contentLength ?? 0) > maxObjectBytes) return undefined;
  const { status, requestTimeMs, responseTimeMs } = response;
  return {
    ...{ site: site.name, key: request.target, status, requestTimeMs, responseTimeMs },
    headers: withoutCookies(response.headers),
    ...variant,
    isShared: verdict.mayShareWithWaiters,
    isSilent: prepare(response).isSilent,
  };
}

/**
 * Streams the body into the shield and commits it. Readers get bytes as they come, but the last ones (or, when the length is unknown, the end)
 * only after the commit: who has seen all of the first answer finds the second one stored.
 */
async function store(
  flight: Flight,
  draft: EntryDraft,
  response: OriginResponse,
  write: ShieldWrite,
  site: Site,
  options: FlightOptions,
  deps: FlightDeps,
  signal: AbortSignal,
): Promise<void> {
  const stop = () => response.discard();
  signal.addEventListener("abort", stop, { once: true });
  const hasher = new ObjectHasher();
  try {
    await receive(response, write, hasher, options, deps);
  } catch (error) {
    deps.log.warn(
      { err: error, site: site.name, target: draft.key },
      `pulling an object failed: ${describeError(error)}`,
    );
    if (!isOriginsFault(error)) deps.onTrouble(draft.site, draft.key);
    flight.hasBroken = true;
    const isOutdated = flight.isDoomed || deps.catalog.marks.isOutdated(draft);
    if (isOriginsFault(error) && !isOutdated) await keepBrokenOff(draft, response, write, deps);
    await write.abort(error as Error);
    return;
  } finally {
    signal.removeEventListener("abort", stop);
  }
  try {
    const object = hasher.finish();
    await write.finish(object);
    const isOutdated = flight.isDoomed || deps.catalog.marks.isOutdated(draft);
    if (!isOutdated) tellSteering(await deps.catalog.put(draft, object), site, deps);
  } catch (error) {
    deps.log.error(
      { err: error, site: site.name, target: draft.key },
      `storing an object failed: ${describeError(error)}`,
    );
    deps.onTrouble(draft.site, draft.key);
  }
  // Stored or not, the bytes are whole and right.
  write.body.end();
}

/** RFC 9111 3.3: the beginning of an answer may be of use. */
async function keepBrokenOff(
  draft: EntryDraft,
  { contentLength }: OriginResponse,
  { body }: ShieldWrite,
  deps: FlightDeps,
) {
  if (contentLength === undefined || body.receivedBytes >= contentLength) return;
  try {
    await deps.onBrokenOff(draft, contentLength, body);
  } catch (error) {
    deps.log.warn({ err: error, site: draft.site, target: draft.key }, "keeping what came of an object failed");
  }
}

async function receive(
  response: OriginResponse,
  write: ShieldWrite,
  hasher: ObjectHasher,
  { maxObjectBytes }: FlightOptions,
  deps: FlightDeps,
): Promise<void> {
  const { contentLength } = response;
  let receivedBytes = 0;
  for await (const chunk of pacedBody(response.body, deps)) {
    receivedBytes += chunk.length;
    if (receivedBytes > maxObjectBytes) {
      const message = `storing an object: found more than ${maxObjectBytes} bytes, the most allowed`;
      throw new NesonError("object-too-large", message, { fault: "operator" });
    }
    hasher.update(chunk);
    await write.append(chunk, contentLength === undefined || receivedBytes < contentLength);
  }
  if (contentLength !== undefined && receivedBytes !== contentLength) {
    const message = `the origin declared ${contentLength} bytes and sent ${receivedBytes}`;
    throw new NesonError("origin-cut-short", message, { fault: "peer" });
  }
}

/** Everything else (disk full, too large) would meet the next attempt again. */
function isOriginsFault(error: unknown): boolean {
  return error instanceof NesonError && error.fault === "peer";
}

function tellSteering(entry: CatalogEntry, site: Site, deps: FlightDeps): void {
  try {
    deps.steering.stored(entry, site);
  } catch (error) {
    deps.log.error({ err: error, objectId: entry.object.objectId }, "placing an object failed");
  }
}
