import { NesonError, statusOf } from "@neson/kit/error";
import { retryAfter } from "@neson/kit/http/failure";
import type { Log } from "@neson/kit/log";
import { answerOnce, REPEATED_FIELD } from "./answer-once.ts";
import type { ApiKeys } from "./api-keys.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { authenticate } from "./authenticate.ts";
import type { Call, CallContext, ChangeNote } from "./call.ts";
import type { CallRates } from "./call-rates.ts";
import { type Caller, maySee, mayUse } from "./caller.ts";
import { NO_CALL, refusalsOf } from "./common-refusals.ts";
import { expectVersion } from "./etag.ts";
import type { KeptAnswers } from "./kept-answers.ts";
import { badInput, fieldErrorsOf, type Problem, parseInput, problemResponse } from "./problem.ts";
import { parseJson, readBodyText } from "./read-body.ts";
import { renderAnswer } from "./render-answer.ts";
import { allowedMethods, createRouteTable, type Route } from "./route-table.ts";

const PREFIX = "/api/v1";
const CALL_MS = 30_000;
const BODY_MS = 15_000;
/** Calls in ten seconds: of the operator's own machine, of each key, and of each address without one. */
const QUOTAS = { operator: 5000, key: 200, address: 50 };

/** What the dispatcher works with. */
export interface DispatchDeps {
  calls: readonly Call[];
  /** The token of admin.json. */
  operatorToken: string;
  keys: Pick<ApiKeys, "callerOf">;
  trail: Pick<AuditTrail, "add">;
  kept: Pick<KeptAnswers, "begin" | "keep" | "forget">;
  rates: Pick<CallRates, "take">;
  requestId: () => string;
  log: Log;
}

/** Where a request came from. */
export interface Connection {
  address: string;
  /** Lets an answer last however long nothing is sent. */
  keepOpen(): void;
}

/** One request on its way to its call. */
interface Asked {
  request: Request;
  path: string;
  connection: Connection;
  requestId: string;
  /** Known once the key was checked. */
  caller?: Caller;
  call?: Call;
  site?: string;
  notes: ChangeNote[];
  /** Added to the answer, whatever it is. */
  fields: Record<string, string>;
}

/** Answers every request under /api/v1; never rejects. */
export type Dispatch = (request: Request, connection: Connection) => Promise<Response>;

/** The control API as one function from request to answer. */
export function createDispatch(deps: DispatchDeps): Dispatch {
  const find = createRouteTable(deps.calls);
  return async (request, connection) => {
    const path = new URL(request.url).pathname;
    const asked: Asked = { request, path, connection, requestId: deps.requestId(), notes: [], fields: {} };
    let answer: Response;
    let code: string | undefined;
    try {
      answer = await reach(asked, find(path.slice(PREFIX.length)), deps);
    } catch (error) {
      const problem = problemOf(error, asked, deps.log);
      answer = problemResponse(problem, asked.requestId);
      code = problem.code;
    }
    await record(asked, answer, code, deps);
    return finished(asked, answer);
  };
}

/** From a path to its call: method, key, share of calls, scope, site. */
async function reach(asked: Asked, route: Route | undefined, deps: DispatchDeps): Promise<Response> {
  const { request, path } = asked;
  if (route === undefined) {
    throw refusal(
      "no-such-call",
      `${request.method} ${path.slice(0, 200)}: no call has that path; ${PREFIX}/openapi.json lists them`,
    );
  }
  const allowed = allowedMethods(route);
  if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: { Allow: allowed } });
  const call = route.calls.get(request.method === "HEAD" ? "GET" : request.method);
  if (call === undefined) {
    asked.fields.Allow = allowed;
    throw refusal("method-not-allowed", `${request.method} ${path.slice(0, 200)}: allowed: ${allowed}`);
  }
  asked.call = call;
  const caller = call.scope === "public" ? undefined : await authenticate(request.headers, deps);
  takeShare(asked, caller, deps.rates);
  if (call.scope === "public") return await carryOut(asked, call, ANYONE, route.params, deps);
  if (caller === undefined) throw unauthorised(asked);
  asked.caller = caller;
  if (!mayUse(caller, call.scope)) {
    throw refusal(
      "not-allowed",
      `${call.id}: this key lacks the scope ${call.scope}; it has ${caller.scopes.join(", ")}`,
    );
  }
  checkReach(asked, call, caller, route.params);
  return await carryOut(asked, call, caller, route.params, deps);
}

/** Whoever asks for what needs no key. */
const ANYONE: Caller = { id: "anyone", name: "anyone", scopes: [], sites: [] };

function takeShare(asked: Asked, caller: Caller | undefined, rates: DispatchDeps["rates"]): void {
  const { address } = asked.connection;
  const share =
    caller === undefined
      ? rates.take(`address ${address}`, QUOTAS.address)
      : rates.take(`key ${caller.id}`, caller.id === "operator" ? QUOTAS.operator : QUOTAS.key);
  Object.assign(asked.fields, share.fields);
  if (share.isExceeded) {
    throw refusal("too-many-calls", "too many calls; Retry-After says when the next are answered");
  }
}

function checkReach(asked: Asked, call: Call, caller: Caller, params: Record<string, string>): void {
  if (call.reach === "visible sites") return;
  if (call.reach === "network") {
    if (caller.sites === undefined) return;
    throw refusal(
      "not-allowed",
      `${call.id}: this key is for some sites only, and this call is about the whole network`,
    );
  }
  const site = params[call.reach.site] ?? "";
  asked.site = site;
  // Said whether or not there is such a site: a bound key learns nothing of others.
  if (!maySee(caller, site)) throw refusal("not-allowed", `${call.id}: this key is not for site ${site.slice(0, 100)}`);
}

/** From a call that may be made to its answer: what was sent is read, and the call carried out once. */
async function carryOut(
  asked: Asked,
  call: Call,
  caller: Caller,
  found: Record<string, string>,
  deps: DispatchDeps,
): Promise<Response> {
  const { request } = asked;
  const params = parseInput(call.params, found, "path");
  const query = parseInput(call.query, queryOf(new URL(request.url)), "query");
  const text = call.body === undefined ? undefined : await readBodyText(request, AbortSignal.timeout(BODY_MS));
  const body =
    call.body === undefined
      ? undefined
      : parseInput(call.body, text === undefined ? undefined : parseJson(text), "body");
  const limits = call.isEndless ? [] : [AbortSignal.timeout(CALL_MS)];
  const context: CallContext<unknown, unknown, unknown> = {
    ...{ params, query, body, caller, headers: request.headers },
    signal: AbortSignal.any([request.signal, ...limits]),
    expectVersion: (current) => expectVersion(request.headers, current),
    note: (change) => void asked.notes.push(change),
  };
  if (call.isEndless) asked.connection.keepOpen();
  const failed = (error: unknown) => {
    deps.log.error({ err: error, call: call.id, requestId: asked.requestId }, "a stream of the control API broke off");
  };
  const answer = async () => renderAnswer(call, await inTime(call, context), request, failed);
  if (call.method !== "POST") return await answer();
  const { pathname, search } = new URL(request.url);
  return await answerOnce({ call, caller, target: pathname + search, text, headers: request.headers }, answer, {
    kept: deps.kept,
    told: (error) => problemResponse(problemOf(error, asked, deps.log), asked.requestId),
  });
}

/** Runs the call; one that does not heed its signal is not waited for. */
async function inTime(call: Call, context: CallContext<unknown, unknown, unknown>) {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const stop = () =>
    reject(refusal("timed-out", `${call.id}: it took too long, or its client left; what it began may still happen`));
  context.signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([call.handle(context), late]);
  } finally {
    context.signal.removeEventListener("abort", stop);
  }
}

/** Query fields by name; each at most once, so that no two readers of a URL can understand it differently. */
function queryOf(url: URL): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (Object.hasOwn(fields, name) || name === "__proto__") {
      throw badInput([{ field: `query.${name.slice(0, 100)}`, found: "it again", allowed: "each field once" }]);
    }
    fields[name] = value;
  }
  return fields;
}

function refusal(code: string, message: string): NesonError {
  return new NesonError(code, message, { fault: "caller" });
}

function unauthorised(asked: Asked): NesonError {
  asked.fields["WWW-Authenticate"] = 'Bearer realm="NESON control API"';
  return refusal(
    "unauthorised",
    "send Authorization: Bearer KEY, with a key that is neither expired nor revoked, or the token of admin.json",
  );
}

/** An error as it is told. The status comes from what the call declares; what failed inside is told to the operator alone. */
function problemOf(error: unknown, asked: Asked, log: Log): Problem {
  const { fields, call, caller, requestId } = asked;
  if (!(error instanceof NesonError) || error.fault === "bug") {
    log.error({ err: error, call: call?.id, requestId }, "a call of the control API failed");
    return {
      status: 500,
      code: "internal",
      detail: "the Router failed; its log tells more under this request id",
      headers: fields,
    };
  }
  const declared = [...NO_CALL, ...(call === undefined ? [] : refusalsOf(call))].find(
    ({ code }) => code === error.code,
  );
  if (declared === undefined) {
    log.warn({ err: error, call: call?.id, requestId }, "a call was refused for a reason that it does not declare");
  }
  const isForAll = error.fault !== "operator" || caller?.scopes.includes("admin") === true;
  const [retryField, retrySeconds] = retryAfter(error);
  if (retryField !== undefined && retrySeconds !== undefined) fields[retryField] = retrySeconds;
  const hidden =
    retryField === undefined
      ? "the Router is not set up for this; its operator finds the reason in its log"
      : "the Router cannot do this now; ask again later";
  const detail = isForAll ? error.message : hidden;
  if (!isForAll) log.warn({ err: error, call: call?.id, requestId }, "a call of the control API was refused");
  const errors = fieldErrorsOf(error);
  const status = declared?.status ?? statusOf(error.fault);
  return { status, code: error.code, detail, headers: fields, ...(errors && { errors }) };
}

/** The audit trail: every call that could have changed something, by whoever has a key, with what came of it. */
async function record(asked: Asked, answer: Response, code: string | undefined, deps: DispatchDeps): Promise<void> {
  const { call, caller, notes } = asked;
  if (call === undefined || caller === undefined || call.method === "GET" || answer.headers.has(REPEATED_FIELD)) return;
  const site = asked.site ?? notes.find((note) => note.site !== undefined)?.site;
  const entry = {
    ...{ caller: caller.id, callerName: caller.name, address: asked.connection.address },
    ...{ call: call.id, path: asked.path, ...(site !== undefined && { site: site.slice(0, 63) }) },
    ...{ status: answer.status, ...(code !== undefined && { code }), requestId: asked.requestId },
    summary: notes.map(({ summary }) => summary).join("; "),
  };
  try {
    await deps.trail.add(entry);
  } catch (error) {
    deps.log.error({ err: error, entry }, "writing the audit trail failed");
  }
}

/** The fields every answer has. */
function finished({ request, requestId, fields }: Asked, answer: Response): Response {
  const headers = new Headers(answer.headers);
  for (const [name, value] of Object.entries(fields)) headers.set(name, value);
  headers.set("X-Request-Id", requestId);
  headers.set("Cache-Control", "no-store");
  headers.set("X-Content-Type-Options", "nosniff");
  if (request.method !== "HEAD") return new Response(answer.body, { status: answer.status, headers });
  void answer.body?.cancel().catch(() => {});
  return new Response(null, { status: answer.status, headers });
}
