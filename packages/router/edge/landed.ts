import type { Answer } from "@neson/kit/http/answer";
import { ifRangeHolds } from "@neson/kit/http/conditional";
import { parseRange } from "@neson/kit/http/range";
import { rangedAnswer } from "@neson/kit/http/respond";
import { codedHeaders, varyingHeaders } from "../compress/coded-headers.ts";
import { encodeLive } from "../compress/coder.ts";
import type { Landing } from "../origin/flight.ts";
import type { Seat } from "../origin/flights.ts";
import { cacheStatus } from "../policy/cache-status.ts";
import { fieldLines, soleField } from "../policy/fields.ts";
import { ageMs } from "../policy/freshness.ts";
import { lifetimeOf } from "../policy/options.ts";
import { isCodableFor, liveCodingOf } from "./coded.ts";
import type { Exchange, Forwarded, Outcome } from "./exchange.ts";
import { originFailure } from "./failure.ts";
import { answerStored } from "./hit.ts";
import { pass, passedOn } from "./pass.ts";
import { ownHeaders } from "./prepared.ts";
import { answerSliced } from "./sliced.ts";

/** A Range that begins further than this ahead of what has arrived is fetched on its own. */
const MAX_WAIT_BYTES = 4 * 1_048_576;

type Storing = Extract<Landing, { kind: "storing" }>;

/** Answers one of those who waited for a flight. */
export function answerLanding(x: Exchange, seat: Seat, fwd: Forwarded): Outcome {
  const { landing } = seat;
  if (!seat.isLeader) x.parts.stats.collapsed += 1;
  switch (landing.kind) {
    case "storing":
      x.trace.outcome = "miss";
      if (seat.isLeader) x.trace.origin(landing.draft);
      return answerStoring(x, landing, seat, fwd);
    case "confirmed": {
      const { entry } = landing;
      x.trace.outcome = "revalidated";
      if (seat.isLeader) x.trace.origin({ ...entry, status: 304 });
      const ageSeconds = Math.floor(ageMs(entry.facts, x.parts.clock.nowMs()) / 1000);
      const outcome = {
        hit: false,
        fwd,
        fwdStatus: 304,
        ttl: lifetimeOf(entry.facts, x.site.cache) - ageSeconds,
      } as const;
      return answerStored(x, entry, cacheStatus({ ...outcome, collapsed: !seat.isLeader }), ageSeconds);
    }
    case "unstorable":
      x.trace.outcome = "miss";
      x.trace.origin(landing.response);
      return passedOn(x, landing.response, cacheStatus({ hit: false, fwd }));
    case "failed":
      return originFailure(x, landing.error);
    default:
      return landing satisfies never;
  }
}

/** Reads along while the body goes into the shield. */
function answerStoring(x: Exchange, landing: Storing, seat: Seat, fwd: Forwarded): Outcome {
  const { draft, body, size } = landing;
  if (size !== undefined && isFarAhead(x, landing, size)) return answerAhead(x, fwd);
  const status = cacheStatus({ hit: false, fwd, stored: true, collapsed: !seat.isLeader });
  // As old as it came: an origin may be a cache itself (RFC 9111 5.1).
  const age = fieldLines(draft.headers, "age").flatMap((value) => ["Age", value]);
  const isCodable = isCodableFor(x.site, { status: draft.status, headers: draft.headers, size });
  const own = isCodable ? varyingHeaders(ownHeaders(draft.headers)) : ownHeaders(draft.headers);
  const added = [...age, "Cache-Status", status];
  const coding = isCodable ? liveCodingOf(x.request) : undefined;
  if (coding !== undefined) {
    const coded = codedHeaders(own, coding, undefined).concat(added);
    return { status: draft.status, headers: coded, body: encodeLive(body.read(0), coding), sent: x.parts.countSent };
  }
  const headers = [...own, ...added];
  const common = { requestHeaders: x.request.headers, method: x.request.method, headers, sent: x.parts.countSent };
  const read = (first: number, last: number) => body.read(first, last);
  if (size !== undefined) return rangedAnswer({ ...common, size, status: draft.status, read });
  // Length unknown: no part can be named yet, but conditions hold or fail all the same.
  const settled = rangedAnswer({ ...common, size: 0, status: draft.status, read, rangeAllowed: false });
  if (settled.status !== draft.status) return settled;
  const isBare = x.request.method === "HEAD" || draft.status === 204;
  return { status: draft.status, headers, body: isBare ? null : body.read(0), sent: x.parts.countSent };
}

async function answerAhead(x: Exchange, fwd: Forwarded): Promise<Answer> {
  const isMiss = fwd === "miss" || fwd === "stale" || fwd === "request";
  return (await answerSliced(x, { kind: "miss", fwd: isMiss ? fwd : "miss", alone: false })) ?? pass(x, "partial");
}

function isFarAhead({ request }: Exchange, { draft, body }: Storing, size: number): boolean {
  const { headers, method } = request;
  if (headers.range === undefined || method !== "GET" || draft.status !== 200) return false;
  const ifRange = headers["if-range"];
  const validators = {
    etag: soleField(draft.headers, "etag"),
    lastModified: soleField(draft.headers, "last-modified"),
  };
  if (typeof ifRange === "string" && !ifRangeHolds(ifRange, validators)) return false;
  const range = parseRange(headers.range, size);
  return range.kind === "one" && range.first > body.receivedBytes + MAX_WAIT_BYTES;
}
