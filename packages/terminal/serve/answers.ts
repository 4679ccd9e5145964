import type { Answer, Headers } from "@neson/kit/http/answer";
import type { Identity } from "@neson/protocol/identity";
import { terminalIdOf } from "@neson/protocol/identity";
import { pingBytes } from "@neson/protocol/messages";
import type { TicketRefusal } from "@neson/protocol/ticket";
import { CORS_DEFAULTS } from "../store/header-set.ts";

const CORS: Headers = CORS_DEFAULTS.flat();

/** Fetch standard, "CORS-preflight": a page may ask for ranges and conditions; the answer may be kept for a day. */
const PREFLIGHT: Headers = [
  "Access-Control-Allow-Origin",
  "*",
  "Access-Control-Allow-Methods",
  "GET, HEAD, OPTIONS",
  "Access-Control-Allow-Headers",
  "Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, Cache-Control, Pragma",
  "Access-Control-Max-Age",
  "86400",
];

const REMEDY: Record<Exclude<TicketRefusal, "expired">, string> = {
  malformed: "it is not a ticket; open the site's own URL again",
  "over-long": "it is longer than a ticket; open the site's own URL again",
  foreign: "it was written for another Terminal; open the site's own URL again",
  "unknown-key": "this Terminal has no key of its day; open the site's own URL again",
  forged: "its tag is wrong; open the site's own URL again",
};

/** Sends the client back to its site, which will find another way. Only ever for a ticket whose tag was right. */
export function backToSite(edgeScheme: "http" | "https", siteHost: string, target: string): Answer {
  const location = `${edgeScheme}://${siteHost}${target}`;
  return { status: 307, headers: ["Location", location, "Cache-Control", "no-store", ...CORS], body: null };
}

/** 403 with one line that says why. */
export function refuseTicket(reason: Exclude<TicketRefusal, "expired">): Answer {
  return textAnswer(403, `ticket refused: ${reason}: ${REMEDY[reason]}`);
}

/** 403: the bytes asked for are not all within the ticket's. */
export function refuseRange(firstByte: number, lastByte: number): Answer {
  return textAnswer(403, `range refused: this ticket is for bytes ${firstByte} to ${lastByte}; ask for a Range within`);
}

/** 429 (RFC 6585 section 4) for a client that asks for one thing in a tight loop. */
export function tooManyRepeats(retryAfterSeconds: number): Answer {
  return textAnswer(429, "the same bytes were asked for too often on this ticket; wait, or keep what you were sent", [
    "Retry-After",
    String(retryAfterSeconds),
  ]);
}

/** The answer to OPTIONS. */
export function preflight(): Answer {
  return { status: 204, headers: PREFLIGHT, body: null };
}

/** 405, naming what is allowed (RFC 9110 section 15.5.6). */
export function methodNotAllowed(method: string): Answer {
  return textAnswer(405, `method ${method.slice(0, 20)} is not allowed here; GET, HEAD and OPTIONS are`, [
    "Allow",
    "GET, HEAD, OPTIONS",
  ]);
}

/** 404: the path is not one of a Terminal's. */
export function notFound(): Answer {
  return textAnswer(
    404,
    "nothing here: this is a Terminal of a content-delivery network; it answers /v1/<ticket>/<site host>/…",
  );
}

/** Proves to a Router that dials back that this is the Terminal that said hello. */
export function answerPing(nonce: string, identity: Identity): Answer {
  if (!/^[0-9a-f]{64}$/.test(nonce)) return textAnswer(400, "ping: the nonce must be 64 lower-case hex digits");
  const { publicKey } = identity;
  const answer = { terminalId: terminalIdOf(publicKey), publicKey, signature: identity.sign(pingBytes(nonce)) };
  const headers = ["Content-Type", "application/json", "Cache-Control", "no-store"];
  return { status: 200, headers, body: Buffer.from(JSON.stringify(answer)) };
}

function textAnswer(status: number, line: string, extra: Headers = []): Answer {
  const headers = ["Content-Type", "text/plain; charset=utf-8", "Cache-Control", "no-store", ...extra, ...CORS];
  return { status, headers, body: Buffer.from(`${line}\n`) };
}
