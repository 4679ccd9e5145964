import { describeError, NesonError } from "@neson/kit/error";
import type { EdgeRequest } from "@neson/kit/http/answer";
import { ObjectHasher } from "@neson/protocol/object";
import { type CatalogEntry, type EntryDraft, selectingHeaders } from "../catalog/catalog.ts";
import type { GrowingFile } from "../catalog/growing-file.ts";
import type { ShieldWrite } from "../catalog/shield.ts";
import { storable } from "../policy/storable.ts";
import { freshened } from "../policy/update.ts";
import { varyOf } from "../policy/vary.ts";
import type { Site } from "../sites/site.ts";
import type { FlightDeps, FlightOptions } from "./flights.ts";
import type { OriginResponse } from "./origin-client.ts";
import { originUrlOf } from "./origin-url.ts";
import { originRequestHeaders } from "./request-headers.ts";
import { withoutCookies } from "./response-headers.ts";

/** What a flight is to fetch, and for whom first. */
export interface FlightOrder {
  site: Site;
  request: EdgeRequest;
  /** Present when a stored entry is to be confirmed rather than fetched. */
  stored?: {
    entry: CatalogEntry;
    /** Flat fields to add, see RevalidatePlan. */
    conditions: readonly string[];
    /** True when the entry may stand in for a 5xx answer. */
    coversErrors: boolean;
  };
}

/** What a flight turned out to be, once the origin's header section is there. */
export type Landing =
  /** Kept: the body streams into the shield, and whoever matches `draft.vary` may read along. */
  | { kind: "storing"; draft: EntryDraft; size: number | undefined; body: GrowingFile; isShared: boolean }
  /** The origin said 304: `entry` is the updated one. */
  | { kind: "confirmed"; entry: CatalogEntry; isShared: boolean }
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
  /** True once its body broke off: those who read along are cut off, and nobody may join any more. */
  hasBroken: boolean;
}

/** Starts a flight. It ends early, with an error, when `signal` aborts. */
export function startFlight(order: FlightOrder, options: FlightOptions, deps: FlightDeps, signal: AbortSignal): Flight {
  const { promise: landing, resolve: land } = Promise.withResolvers<Landing>();
  const flight: Flight = { landing, over: Promise.resolve(), isDoomed: false, hasBroken: false };
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
  let response = await ask(order, order.stored?.conditions ?? [], options, deps, signal);
  if (response.status === 304 && order.stored !== undefined) {
    response.discard();
    const confirmed = await confirm(flight, order, order.stored.entry, response, options, deps);
    if (confirmed !== undefined) {
      land(confirmed);
      return;
    }
    // RFC 9111 4.3.4: the 304 was about something else; only a fetch without conditions can help.
    response = await ask(order, [], options, deps, signal);
  }
  if (response.status >= 500 && order.stored?.coversErrors === true) {
    response.discard();
    throw new NesonError("origin-error-status", `the origin answered ${response.status}`, { fault: "peer" });
  }
  const draft = draftOf(order, response, options);
  if (draft === undefined || flight.isDoomed) {
    land({ kind: "unstorable", response });
    return;
  }
  const write = deps.shield.begin();
  const { isShared, ...kept } = draft;
  land({ kind: "storing", draft: kept, size: response.contentLength, body: write.body, isShared });
  await store(flight, kept, response, write, order.site, options, deps, signal);
}

function ask(
  order: FlightOrder,
  conditions: readonly string[],
  options: FlightOptions,
  deps: FlightDeps,
  signal: AbortSignal,
): Promise<OriginResponse> {
  const { site, request } = order;
  const headers = originRequestHeaders(request, {
    kind: "pull",
    host: originUrlOf(site).host,
    edgeScheme: options.edgeScheme,
    extra: conditions,
  });
  return deps.origin.send({ site, method: "GET", target: request.target, headers, signal });
}

async function confirm(
  flight: Flight,
  order: FlightOrder,
  former: CatalogEntry,
  response: OriginResponse,
  options: FlightOptions,
  deps: FlightDeps,
): Promise<Landing | undefined> {
  const headers = withoutCookies(response.headers);
  const changed = freshened(former, { ...response, headers }, options.policy);
  if (changed === undefined) return undefined;
  if (flight.isDoomed) return { kind: "confirmed", entry: changed, isShared: false };
  const entry = await deps.catalog.update(former, changed);
  if (entry.headersId !== former.headersId) tellSteering(entry, order.site, deps);
  const verdict = storable({ method: "GET", headers: order.request.headers }, entry, options.policy);
  return { kind: "confirmed", entry, isShared: verdict.store && verdict.mayShareWithWaiters };
}

/** What would be stored of a response; undefined when nothing may be. */
function draftOf(
  { site, request }: FlightOrder,
  response: OriginResponse,
  { policy, maxObjectBytes }: FlightOptions,
): (EntryDraft & { isShared: boolean }) | undefined {
  const verdict = storable({ method: "GET", headers: request.headers }, response, policy);
  const variant = varyOf(response.headers, selectingHeaders(request.headers));
  if (!verdict.store || variant === "star" || (response.contentLength ?? 0) > maxObjectBytes) return undefined;
  const { status, requestTimeMs, responseTimeMs } = response;
  return {
    ...{ site: site.name, key: request.target, status, requestTimeMs, responseTimeMs },
    headers: withoutCookies(response.headers),
    ...variant,
    isShared: verdict.mayShareWithWaiters,
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
    await receive(response, write, hasher, options.maxObjectBytes);
  } catch (error) {
    deps.log.warn(
      { err: error, site: site.name, target: draft.key },
      `pulling an object failed: ${describeError(error)}`,
    );
    if (!isOriginsFault(error)) deps.onTrouble(draft.site, draft.key);
    flight.hasBroken = true;
    await write.abort(error as Error);
    return;
  } finally {
    signal.removeEventListener("abort", stop);
  }
  try {
    const object = hasher.finish();
    await write.finish(object);
    if (!flight.isDoomed) tellSteering(await deps.catalog.put(draft, object), site, deps);
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

async function receive(
  response: OriginResponse,
  write: ShieldWrite,
  hasher: ObjectHasher,
  maxObjectBytes: number,
): Promise<void> {
  const { contentLength } = response;
  let receivedBytes = 0;
  for await (const chunk of response.body) {
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
