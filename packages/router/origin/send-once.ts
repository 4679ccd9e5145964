import http, { type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { trailerFields } from "@neson/kit/wire/trailer-fields";
import { endToEndFields } from "../policy/fields.ts";
import { withoutTags } from "../purge/order.ts";
import { badAnswer, InterimCount, wrongHead } from "./answer-head.ts";
import { OriginBody } from "./origin-body.ts";
import type { OriginRequest, OriginResponse } from "./origin-client.ts";
import type { OriginOptions } from "./origin-options.ts";
import { type Phases, watchPhases } from "./phases.ts";
import type { Pool } from "./pools.ts";
import type { Address } from "./resolver.ts";
import { declaredLength, receivedHeaders } from "./response-headers.ts";
import { sendBody } from "./send-body.ts";
import { type Target, targetsOf } from "./targets.ts";

/** An unwanted body up to this is read to its end. */
const MAX_DRAINED_BYTES = 65_536;

/** A request that got no answer. */
export class Unanswered extends Error {
  readonly failure: NesonError;
  /** False when nothing of the request can have reached the origin. */
  readonly wasSent: boolean;
  /** True when the origin closed an idle connection just as it was used again. */
  readonly wasIdle: boolean;

  constructor(failure: NesonError, { wasSent, wasIdle }: { wasSent: boolean; wasIdle: boolean }) {
    super(failure.message);
    this.failure = failure;
    this.wasSent = wasSent;
    this.wasIdle = wasIdle;
  }
}

type Times = Pick<OriginResponse, "requestTimeMs" | "responseTimeMs">;

/** What one request works with. */
export interface OnceDeps {
  target: Target;
  /** Those that may be dialled, checked. */
  addresses: Address[];
  pool: Pool;
  options: OriginOptions;
  clock: Clock;
}

/** Sends a request to one origin, once. @throws Unanswered, or the signal's reason */
export function sendOnce(request: OriginRequest, deps: OnceDeps): Promise<OriginResponse> {
  const { target, options, clock } = deps;
  const { origin } = target;
  const { promise, resolve, reject } = Promise.withResolvers<OriginResponse>();
  const requestTimeMs = clock.nowMs();
  const sent = open(request, deps);
  const phases = watchPhases(sent, options, origin);
  const fail = (cause: unknown) => {
    phases.stop();
    sent.destroy();
    const failure = phases.timeout ?? describeFailure(cause, origin.host);
    const wasIdle = sent.reusedSocket && failure.code === "origin-unreachable";
    reject(new Unanswered(failure, { wasSent: phases.isConnected, wasIdle }));
  };
  const giveUp = () => {
    phases.stop();
    sent.destroy();
    reject(request.signal?.reason);
  };
  if (request.signal?.aborted === true) giveUp();
  request.signal?.addEventListener("abort", giveUp, { once: true });
  let hasAnswered = false;
  // Once there is an answer, its body tells what goes wrong. What comes behind its end (RFC 9112 6.3) costs the connection, not the answer.
  sent.on("error", (error) => hasAnswered || fail(error));
  sent.on("close", () => request.signal?.removeEventListener("abort", giveUp));
  const sending =
    request.body === undefined ? sendNoBody(sent, phases) : sendBody(sent, { ...request, body: request.body }, phases);
  sending.catch(fail);
  hear(sent, request, deps, {
    fail,
    answered: () => {
      hasAnswered = true;
      phases.stop();
      request.signal?.removeEventListener("abort", giveUp);
      return { requestTimeMs, responseTimeMs: clock.nowMs() };
    },
    resolve,
  });
  return promise;
}

/** Waits for what the origin says. */
function hear(
  sent: ClientRequest,
  request: OriginRequest,
  deps: OnceDeps,
  outcome: { fail(cause: unknown): void; answered(): Times; resolve(response: OriginResponse): void },
): void {
  const { host } = deps.target.origin;
  const { fail, answered, resolve } = outcome;
  const interim = new InterimCount();
  sent.on("information", ({ statusCode, rawHeaders }) => {
    const wrong = interim.wrong(statusCode);
    if (wrong !== undefined) fail(badAnswer(host, wrong));
    else if (statusCode > 101) request.onInform?.(statusCode, withoutTags(endToEndFields(rawHeaders)));
  });
  sent.once("response", (response) => {
    response.on("error", () => {});
    const { statusCode: status = 0, httpVersion, rawHeaders } = response;
    const wrong = wrongHead({ status, httpVersion, rawHeaders });
    if (wrong !== undefined) {
      fail(badAnswer(host, wrong));
      return;
    }
    // A connection on which less was sent than was announced would take the next request for the rest.
    response.once("close", () => sent.writableEnded || sent.destroy());
    resolve(received(response, request, answered(), deps));
  });
  sent.once("upgrade", (response, socket, head) => {
    const { upgrade } = request;
    if (upgrade === undefined || response.headers.upgrade?.toLowerCase() !== upgrade) {
      socket.destroy();
      fail(badAnswer(host, "status 101 for a protocol that it was not offered"));
      return;
    }
    const answer = received(response, request, answered(), deps);
    resolve({ ...answer, tunnel: { socket, head, name: host }, discard: () => socket.destroy() });
  });
}

async function sendNoBody(sent: ClientRequest, phases: Phases): Promise<void> {
  sent.end();
  phases.bodySent();
}

function open(request: OriginRequest, { target, addresses, pool, options }: OnceDeps) {
  const { origin, hostField, serverName } = target;
  const { authorities } = request.site.origins;
  const offer = request.upgrade === undefined ? [] : ["Connection", "Upgrade", "Upgrade", request.upgrade];
  return (origin.isTls ? https : http).request({
    host: origin.hostname,
    port: origin.port,
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(authorities === undefined ? {} : { ca: authorities }),
    method: request.method,
    path: origin.base + request.target,
    headers: ["Host", hostField, ...request.headers, ...offer],
    agent: origin.isTls ? pool.https : pool.http,
    maxHeaderSize: options.maxHeaderBytes,
    lookup: (_hostname, wanted, callback) => {
      const [first] = addresses as [Address];
      if (wanted.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    },
  });
}

function received(
  response: IncomingMessage,
  { site }: OriginRequest,
  times: Times,
  { target, options }: OnceDeps,
): OriginResponse {
  const origins = targetsOf(site).map(({ origin }) => origin);
  return {
    status: response.statusCode ?? 502,
    headers: receivedHeaders(response.rawHeaders, origins, times.responseTimeMs),
    contentLength: declaredLength(response.rawHeaders),
    ...times,
    body: new OriginBody(response, { idleMs: options.idleMs, name: target.origin.host }),
    trailers: () => trailerFields(endToEndFields(response.rawTrailers)),
    discard: () => discard(response, options.idleMs),
  };
}

/** Reads a short body away, so that the connection can be used again; cuts a long one off. */
function discard(response: IncomingMessage, idleMs: number): void {
  const length = declaredLength(response.rawHeaders);
  const isShort = response.statusCode === 304 || (length !== undefined && length <= MAX_DRAINED_BYTES);
  if (!isShort) {
    response.destroy();
    return;
  }
  const timer = setTimeout(() => response.destroy(), idleMs);
  response.once("close", () => clearTimeout(timer));
  response.resume();
}

function describeFailure(cause: unknown, host: string): NesonError {
  if (cause instanceof NesonError) return cause;
  const code = (cause as { code?: unknown }).code;
  if (typeof code === "string" && code.startsWith("HPE_")) {
    return new NesonError("origin-bad-response", `origin ${host}: its answer is not HTTP as allowed here`, {
      fault: "peer",
      cause,
    });
  }
  return new NesonError("origin-unreachable", `origin ${host} could not be asked`, { fault: "peer", cause });
}
