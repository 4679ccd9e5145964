import type { Answer } from "@neson/kit/http/answer";
import { header } from "@neson/kit/http/answer";
import type { Exchange } from "../edge/exchange.ts";

/** Longest text of a field that a client or an origin chose, in characters. */
const MAX_TEXT = 1024;

/** One request as logs show it. The client is named by its network alone: whole addresses are nobody's business here. */
export interface AccessRecord {
  /** When the request arrived, RFC 3339. */
  time: string;
  site: string;
  host: string;
  method: string;
  target: string;
  httpVersion: string;
  status: number;
  /** Body bytes that the Router sent. */
  bytes: number;
  /** False when the transfer broke off. */
  complete: boolean;
  /** From the request's arrival to the end of the transfer. */
  durationMs: number;
  /** Until the header section was ready. */
  answerMs: number;
  outcome: Exchange["trace"]["outcome"];
  cacheStatus?: string;
  /** The network, /24 or /48, that the client was taken to be in. */
  clientNetwork: string;
  country?: string;
  contentType?: string;
  userAgent?: string;
  referer?: string;
  /** Where the client was sent. */
  terminal?: string;
  originMs?: number;
  originStatus?: number;
  /** What was decided and why, in order. */
  steps: readonly string[];
}

/** What is known only once the transfer is over, or not to the exchange. */
export interface Ending {
  bytes: number;
  complete: boolean;
  answeredMs: number;
  endedMs: number;
  clientNetwork: string;
  country: string | undefined;
}

/** The record of a finished exchange. */
export function accessRecord(x: Exchange, answer: Answer, ending: Ending): AccessRecord {
  const { request, trace, site } = x;
  return {
    time: new Date(x.nowMs).toISOString(),
    site: site.name,
    host: bounded(request.host),
    method: bounded(request.method),
    target: bounded(request.target),
    httpVersion: request.httpVersion,
    status: answer.status,
    bytes: ending.bytes,
    complete: ending.complete,
    durationMs: ending.endedMs - x.nowMs,
    answerMs: ending.answeredMs - x.nowMs,
    outcome: trace.outcome,
    clientNetwork: ending.clientNetwork,
    ...given("cacheStatus", header(answer.headers, "cache-status")),
    ...given("country", ending.country),
    ...given("contentType", header(answer.headers, "content-type")),
    ...given("userAgent", request.headers["user-agent"]),
    ...given("referer", request.headers.referer),
    ...given("terminal", trace.terminalId),
    ...(trace.originMs === undefined ? {} : { originMs: trace.originMs }),
    ...(trace.originStatus === undefined ? {} : { originStatus: trace.originStatus }),
    steps: trace.steps,
  };
}

function given<K extends string>(name: K, value: string | undefined): Partial<Record<K, string>> {
  return value === undefined ? {} : ({ [name]: bounded(value) } as Record<K, string>);
}

function bounded(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
