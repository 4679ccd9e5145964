import type { Answer } from "@neson/kit/http/answer";
import { parseRange, type Span } from "@neson/kit/http/range";
import { rangedAnswer } from "@neson/kit/http/respond";
import { hopsOf, VIA } from "../origin/request-headers.ts";
import { type CacheOutcome, cacheStatus } from "../policy/cache-status.ts";
import { ageMs } from "../policy/freshness.ts";
import { type MissPlan, plan, type RevalidatePlan } from "../policy/plan.ts";
import { withoutTags } from "../purge/order.ts";
import type { Asking } from "../slices/asking.ts";
import { openingRange, SLICE_BYTES, sliceStart } from "../slices/grid.ts";
import type { Came, Opened } from "../slices/openings.ts";
import { covers, gapAt, partAt, type Sliced } from "../slices/sliced.ts";
import type { Exchange } from "./exchange.ts";
import { originFailure } from "./failure.ts";
import { answerLanding } from "./landed.ts";
import { pass, passedOn } from "./pass.ts";
import { ownHeaders } from "./prepared.ts";

/** A version that changes more often than this while one request waits is passed through. */
const MAX_ATTEMPTS = 3;

/** What to ask an origin for first. */
interface Question {
  value: string;
  maxBytes: number;
  /** True when the client itself asked for exactly this. */
  isClients: boolean;
  conditions: readonly string[];
  former: Sliced | undefined;
}

/**
 * Answers a GET from parts of a file, those that are stored and those that its origin is asked for: a request for a range always, so that a seek into a
 * cold file waits for one slice of it, a request for the whole when parts are known. Undefined: in the ordinary way.
 */
export async function answerSliced(x: Exchange, miss: MissPlan): Promise<Answer | undefined> {
  const { request, site, parts } = x;
  if (request.method !== "GET") return undefined;
  // A request that comes back to its own opening would wait for itself; what is for one client alone is not worth a whole file.
  const isAlone = (miss.alone && miss.forbidden === undefined) || hopsOf(request) > 0;
  if (isAlone) return request.headers.range === undefined ? undefined : pass(x, miss.fwd);
  const { store } = parts.slices;
  const find = () => store.find(site.name, request.target, request.headers);
  let known = find();
  if (known === undefined && (request.headers.range === undefined || miss.forbidden !== undefined)) return undefined;
  const asking = parts.slices.fetches.asking(site, request);
  let mayUse = true;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const used = known === undefined || !mayUse ? undefined : await fromKnown(x, known, asking, miss);
    if (used === "ordinary") return undefined;
    if (used !== undefined && used.kind === "answer") return used.answer;
    const question = used === undefined ? firstQuestion(x) : used.question;
    if (question === undefined || miss.forbidden !== undefined) return undefined;
    const answered = await ask(x, question, asking, miss, used?.staleOnError);
    if (answered !== "again") return answered;
    known = find();
    mayUse = false;
  }
  return pass(x, "partial");
}

type Used =
  | "ordinary"
  | { kind: "answer"; answer: Answer }
  | { kind: "ask"; question: Question | undefined; staleOnError?: (() => Answer) | undefined };

/** What stored parts are good for. */
async function fromKnown(x: Exchange, known: Sliced, asking: Asking, miss: MissPlan): Promise<Used> {
  const decision = plan(x.request, known, x.nowMs, x.site.cache);
  const spans = wantedSpans(x, known);
  const isHere = spans.every(({ first, last }) => covers(known, first, last, true));
  if (decision.kind === "revalidate") {
    if (miss.forbidden !== undefined) return "ordinary";
    const mayStandIn = isHere && decision.staleOnErrorSeconds > 0;
    const stale = { hit: true, ttl: decision.freshSeconds, detail: "stale-if-error" } as const;
    const staleOnError = mayStandIn ? () => respond(x, known, asking, stale) : undefined;
    return { kind: "ask", question: confirming(x, known, spans, isHere, decision), staleOnError };
  }
  if (decision.kind !== "hit") return "ordinary";
  if (isHere) {
    x.parts.stats.hits += 1;
    x.trace.outcome = decision.stale ? "stale" : "hit";
    if (decision.renewal !== undefined) renew(x, confirming(x, known, spans, isHere, decision.renewal), asking);
    return { kind: "answer", answer: respond(x, known, asking, { hit: true, ttl: decision.freshSeconds }) };
  }
  if (miss.forbidden !== undefined) return "ordinary";
  const answer = await fromPartly(x, known, asking, spans);
  return answer === undefined ? { kind: "ask", question: questionAbout(x, known, spans) } : { kind: "answer", answer };
}

/** RFC 5861 3: behind the back of a client that has a stale answer, once for all who come meanwhile. */
function renew(x: Exchange, question: Question | undefined, asking: Asking): void {
  if (question === undefined) return;
  x.trace.step("slices: stale, renewed in the background");
  const { value, maxBytes, conditions, former } = question;
  const order = { key: x.request.target, headers: x.request.headers, range: { value, maxBytes }, conditions, former };
  x.parts.slices.openings.open(order, asking).then((opened) => {
    if (opened.kind === "response") opened.response.discard();
  });
}

/** The answer when some of it has to be fetched; undefined when this version cannot be had any more. */
async function fromPartly(x: Exchange, sliced: Sliced, asking: Asking, spans: Span[]): Promise<Answer | undefined> {
  const { stats, slices } = x.parts;
  if (sliced.validator === undefined && !spans.every(({ first, last }) => covers(sliced, first, last, false))) {
    return undefined;
  }
  const at = spans[0]?.first ?? 0;
  const found = await slices.fetches.ensure(sliced, at, asking);
  if (found === "changed") return undefined;
  stats.misses += 1;
  if (found === "joined") stats.collapsed += 1;
  x.trace.outcome = "miss";
  x.trace.step("slices: some are stored, the rest is fetched");
  return respond(x, sliced, asking, { hit: false, fwd: "partial", stored: true, collapsed: found === "joined" });
}

/** Asks the origin and answers from what it said; "again" when that was about another version than what is needed now. */
async function ask(
  x: Exchange,
  question: Question,
  asking: Asking,
  miss: MissPlan,
  staleOnError: (() => Answer) | undefined,
): Promise<Answer | undefined | "again"> {
  const { request, site, parts } = x;
  const { value, maxBytes, conditions, former } = question;
  const key = request.target;
  const isRange = request.headers.range !== undefined;
  const noted = parts.slices.openings.noted(site.name, key);
  if (noted !== undefined && former === undefined) return isRange && noted === "pass" ? pass(x, "partial") : undefined;
  const order = { key, headers: request.headers, range: { value, maxBytes }, conditions, former };
  const opened = await parts.slices.openings.open(order, asking);
  switch (opened.kind) {
    case "sliced":
      return answerOpened(x, opened, question, asking, miss);
    case "response":
      return answerResponse(x, opened, miss, staleOnError);
    case "elsewhere":
      return isRange && parts.slices.openings.noted(site.name, key) === "pass" ? pass(x, "partial") : undefined;
    case "failed":
      return staleOnError === undefined ? originFailure(x, opened.error) : staleOnError();
    default:
      return opened satisfies never;
  }
}

async function answerOpened(
  x: Exchange,
  { sliced, came, isLeader }: Extract<Opened, { kind: "sliced" }>,
  question: Question,
  asking: Asking,
  miss: MissPlan,
): Promise<Answer | "again" | undefined> {
  const { stats, slices } = x.parts;
  const spans = wantedSpans(x, sliced);
  const [wanted] = spans;
  const isThere =
    wanted !== undefined && came !== undefined && came.fetch.first <= wanted.first && wanted.first <= came.fetch.last;
  const isMisfit = wanted !== undefined && came !== undefined && (came.isOdd || !isThere);
  if (isMisfit && question.isClients && came.isAll) return verbatim(x, came, isLeader);
  const mayGoOn =
    sliced.validator !== undefined || spans.every(({ first, last }) => covers(sliced, first, last, false));
  if (!mayGoOn) return x.request.headers.range === undefined ? undefined : pass(x, "partial");
  if (wanted !== undefined && (await slices.fetches.ensure(sliced, wanted.first, asking)) === "changed") return "again";
  if (came !== undefined) noteOrigin(x, came.response);
  x.trace.step(came === undefined ? "slices: the origin confirmed what is stored" : "slices: opened at the origin");
  if (came === undefined) stats.revalidations += 1;
  else stats.misses += 1;
  if (!isLeader) stats.collapsed += 1;
  x.trace.outcome = came === undefined ? "revalidated" : "miss";
  const about = came === undefined ? { fwdStatus: 304 } : { stored: true };
  return respond(x, sliced, asking, { hit: false, fwd: miss.fwd, ...about, collapsed: !isLeader });
}

/** RFC 9110 15.3.7: a part that is not what its client asked for is still what the origin answers to that. */
function verbatim(x: Exchange, { response, fetch }: Came, isLeader: boolean): Answer {
  x.parts.stats.misses += 1;
  x.trace.outcome = "miss";
  noteOrigin(x, response);
  const status = cacheStatus({ hit: false, fwd: "miss", stored: true, collapsed: !isLeader });
  const length = String(fetch.last - fetch.first + 1);
  const headers = [...withoutTags(response.headers), "Via", VIA, "Content-Length", length, "Cache-Status", status];
  return { status: 206, headers, body: fetch.read(fetch.first, fetch.last), sent: x.parts.countSent };
}

/** The origin answered with something else than a part: as a rule, with the whole. */
async function answerResponse(
  x: Exchange,
  { response }: Extract<Opened, { kind: "response" }>,
  miss: MissPlan,
  staleOnError: (() => Answer) | undefined,
): Promise<Answer | undefined> {
  const { request, site, parts } = x;
  if (response.status >= 500 && staleOnError !== undefined) {
    response.discard();
    return staleOnError();
  }
  if (response.status === 416 || response.status === 304) {
    // With If-Range, a range beyond the end of another version is no error (RFC 9110 14.2).
    const isClients = request.headers.range !== undefined && request.headers["if-range"] === undefined;
    if (isClients && response.status === 416) return passedOn(x, response, cacheStatus({ hit: false, fwd: "miss" }));
    response.discard();
    return undefined;
  }
  parts.stats.misses += 1;
  const seat = await parts.flights.board({ site, request, response }, false);
  if (!seat.isLeader) response.discard();
  return answerLanding(x, seat, miss.fwd);
}

function noteOrigin({ trace }: Exchange, { status, requestTimeMs, responseTimeMs }: Came["response"]): void {
  trace.originStatus = status;
  trace.originMs = responseTimeMs - requestTimeMs;
}

function respond(x: Exchange, sliced: Sliced, asking: Asking, outcome: CacheOutcome): Answer {
  const ageSeconds = Math.floor(ageMs(sliced.facts, x.parts.clock.nowMs()) / 1000);
  const headers = [...ownHeaders(sliced.headers), "Age", String(ageSeconds), "Cache-Status", cacheStatus(outcome)];
  return rangedAnswer({
    requestHeaders: x.request.headers,
    method: x.request.method,
    size: sliced.size,
    headers,
    read: (first, last) => x.parts.slices.fetches.read(sliced, first, last, asking),
    sent: x.parts.countSent,
  });
}

/** The bytes that an answer from this version has to have: none when its conditions or its range let it have no content. */
function wantedSpans({ request }: Exchange, { size, headers }: Sliced): Span[] {
  const spans: Span[] = [];
  const read = (first: number, last: number) => {
    spans.push({ first, last });
    return null;
  };
  const trial = rangedAnswer({ requestHeaders: request.headers, method: request.method, size, headers, read });
  if (trial.body === null) return spans;
  const range = parseRange(request.headers.range, size);
  return range.kind === "many" ? range.spans : spans;
}

/** The question about a file of which nothing is known. */
function firstQuestion({ request }: Exchange): Question | undefined {
  const range = request.headers.range === undefined ? undefined : openingRange(request.headers.range);
  return range === undefined ? undefined : { ...range, conditions: [], former: undefined };
}

/** The question about a version that is fresh, but without a validator or not to be had any more. */
function questionAbout(x: Exchange, known: Sliced, spans: Span[]): Question | undefined {
  const [only, ...others] = known.parts;
  const isForWhole = x.request.headers.range === undefined;
  if (!isForWhole) return firstQuestion(x);
  const isPrefix = !known.isDoomed && only?.first === 0 && others.length === 0 && spans.length > 0;
  if (!isPrefix || known.validator !== undefined) return undefined;
  // RFC 9111 3.4 lets what comes be combined only if it has the same strong validator; most often the whole comes.
  const value = `bytes=${only.last + 1}-`;
  return { value, maxBytes: SLICE_BYTES, isClients: false, conditions: [], former: undefined };
}

/** The question whether a stale version still holds: about what is stored by its validators, about what lacks with If-Range. */
function confirming(
  x: Exchange,
  known: Sliced,
  spans: Span[],
  isHere: boolean,
  { conditions }: Pick<RevalidatePlan, "conditions">,
): Question | undefined {
  const at = spans[0]?.first ?? 0;
  const common = { maxBytes: SLICE_BYTES, isClients: false, former: known };
  if (isHere || (known.validator !== undefined && partAt(known, at) !== undefined)) {
    if (conditions.length === 0) return firstQuestion(x);
    const first = sliceStart(at);
    return { ...common, value: `bytes=${first}-${Math.min(first + SLICE_BYTES, known.size) - 1}`, conditions };
  }
  if (known.validator === undefined) return firstQuestion(x);
  const { first, last } = gapAt(known, at);
  return { ...common, value: `bytes=${first}-${last}`, conditions: ["If-Range", known.validator] };
}
