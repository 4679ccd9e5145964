import { stopBody } from "@neson/kit/http/abandon";
import type { Answer, Body, Handle, HttpRequest } from "@neson/kit/http/answer";
import { header } from "@neson/kit/http/answer";
import { parseRange } from "@neson/kit/http/range";
import { rangedAnswer } from "@neson/kit/http/respond";
import type { RepeatGuard } from "@neson/kit/wire/repeat-guard";
import type { Identity } from "@neson/protocol/identity";
import type { Ticket } from "@neson/protocol/ticket";
import type { Account, Ledger } from "../claim/ledger.ts";
import type { FirstWord } from "../control/first-word.ts";
import type { Terms } from "../control/terms.ts";
import type { TicketKeys } from "../control/ticket-keys.ts";
import { FillBody } from "../fill/fill-body.ts";
import type { Outcome } from "../panel/outcomes.ts";
import type { Traffic } from "../panel/traffic.ts";
import type { BlockPool } from "../store/block-pool.ts";
import { FileBody, memoryBody, openIfUnchanged } from "../store/file-body.ts";
import type { Layout } from "../store/layout.ts";
import type { StoredObject } from "../store/stored-object.ts";
import { type WarmDeps, warm } from "../store/warm.ts";
import {
  answerPing,
  backToSite,
  methodNotAllowed,
  notFound,
  preflight,
  refuseRange,
  refuseTicket,
  tooManyRepeats,
} from "./answers.ts";
import { findWhole, type ObtainDeps, obtain, type Source } from "./obtain.ts";
import { parseRequestPath, pingNonceOf, type RequestPath } from "./request-path.ts";
import { TicketDesk } from "./ticket-desk.ts";

/** A body up to this goes to the kernel in one piece; a larger one in blocks, so that slow clients do not queue it up. */
const ONE_WRITE_BYTES = 1024 * 1024;

/** What serving needs. */
export interface ServeDeps extends ObtainDeps, WarmDeps {
  identity: Identity;
  terminalId: string;
  keys: TicketKeys;
  ledger: Ledger;
  layout: Layout;
  terms: Terms;
  firstWord: Pick<FirstWord, "isHeard" | "heard">;
  blocks: BlockPool;
  repeats: RepeatGuard;
  traffic: Pick<Traffic, "noteAnswer" | "noteBytes">;
  /** Counts body bytes on their way to clients. */
  onBytes: (bytes: number) => void;
}

interface Visit {
  request: HttpRequest;
  path: RequestPath;
  ticket: Ticket;
  account: Account;
}

/** The Terminal's request handler: ticket, object, answer. Synchronous whenever the object is whole. */
export function createServe(deps: ServeDeps): Handle<HttpRequest> {
  const desk = new TicketDesk(deps.terminalId, deps.keys);
  return (request) => {
    const { method } = request;
    if (method !== "GET" && method !== "HEAD") return method === "OPTIONS" ? preflight() : methodNotAllowed(method);
    const nonce = pingNonceOf(request.target);
    if (nonce !== undefined) return answerPing(nonce, deps.identity);
    const path = parseRequestPath(request.target);
    if (path === undefined) return notFound();
    const verdict = desk.open(path, deps.clock.nowMs() / 1000);
    if (!verdict.ok)
      return verdict.reason === "expired" ? back(path, deps) : refuse(refuseTicket(verdict.reason), deps);
    const { ticket } = verdict;
    const range = rangeField(request.rawHeaders);
    const repeat = deps.repeats.judge(request.remoteAddress, ticket.nonce + range, deps.clock.nowMs());
    if ("retryAfterSeconds" in repeat) return refuse(tooManyRepeats(repeat.retryAfterSeconds), deps);
    if (repeat.holdMs > 0) return deps.clock.sleep(repeat.holdMs).then(() => visitNow(request, path, ticket, deps));
    return visitNow(request, path, ticket, deps);
  };
}

function visitNow(request: HttpRequest, path: RequestPath, ticket: Ticket, deps: ServeDeps): Answer | Promise<Answer> {
  const { firstWord } = deps;
  if (!firstWord.isHeard) return firstWord.heard.then(() => visitNow(request, path, ticket, deps));
  const visit = { request, path, ticket, account: deps.ledger.account(path.ticket, ticket) };
  const source = findWhole(deps.store, ticket.objectId, ticket.headersId);
  return source === undefined ? visitLater(visit, deps) : visitWhole(visit, source, deps);
}

function refuse(answer: Answer, { traffic }: ServeDeps): Answer {
  traffic.noteAnswer("refused", 0);
  return answer;
}

function back({ siteHost, target }: RequestPath, deps: ServeDeps): Answer {
  deps.traffic.noteAnswer("sent-back", 0);
  return backToSite(deps.terms.edgeScheme, siteHost, target);
}

/** A download in many ranges is one visit. */
function isNewVisit({ account }: Visit): boolean {
  return account.bytes === 0 && account.inFlightBytes === 0;
}

function isUsedUp({ account }: Visit): boolean {
  return account.bytes + account.inFlightBytes >= account.maxBytes;
}

/** The object is whole: answered without a wait, from memory or from its file. */
function visitWhole(visit: Visit, source: Source, deps: ServeDeps): Answer | Promise<Answer> {
  const { object, headerSet } = source;
  const { request, ticket } = visit;
  if (object.size > 0 && request.method === "GET" && isUsedUp(visit)) return back(visit.path, deps);
  deps.store.noteUse(object, deps.clock.nowMs(), isNewVisit(visit));
  const { memory } = object;
  if (memory === undefined) {
    warm(object, deps);
  } else if (
    memory.length <= ONE_WRITE_BYTES &&
    request.method === "GET" &&
    ticket.firstByte === 0 &&
    ticket.lastByte >= object.size - 1 &&
    isPlain(request.rawHeaders)
  ) {
    deps.onBytes(memory.length);
    const answer = { status: 200, headers: headerSet.whole, body: memory };
    return booked(answer, memory.length, { account: visit.account, object, outcome: "memory" }, deps);
  }
  const answer = answerFrom(visit, source, deps, (first, last) => readWhole(source, first, last, deps));
  // Its file was touched or is gone: not whole any more, so it is got hold of again.
  if (answer === undefined) return visitLater(visit, deps);
  return finish(answer, { account: visit.account, object, outcome: memory === undefined ? "disk" : "memory" }, deps);
}

/** The object has to be checked, filled or asked for. */
async function visitLater(visit: Visit, deps: ServeDeps): Promise<Answer> {
  const { ticket, path } = visit;
  const source = await obtain(ticket.objectId, ticket.headersId, deps);
  if (source === undefined || (visit.request.method === "GET" && source.object.size > 0 && isUsedUp(visit))) {
    return back(path, deps);
  }
  const { fill, object } = source;
  deps.store.noteUse(object, deps.clock.nowMs(), isNewVisit(visit));
  const answer = answerFrom(visit, source, deps, (first, last) => {
    if (fill === undefined || object.state === "whole") return readWhole(source, first, last, deps);
    const body = fill.read(first, last);
    if (body === undefined) throw new FileGone();
    return body;
  });
  if (answer === undefined) return back(path, deps);
  if (answer.body instanceof FillBody && !(await hasFirstByte(answer.body))) return back(path, deps);
  return finish(answer, { account: visit.account, object, outcome: fill === undefined ? "disk" : "fill" }, deps);
}

/** An answer that has begun can only be cut; one that has not can still send the client elsewhere. */
async function hasFirstByte(body: FillBody): Promise<boolean> {
  try {
    await body.firstByte();
    return true;
  } catch {
    await body.return();
    return false;
  }
}

class FileGone extends Error {}

/** Undefined when the object's file is not as it was when it was verified. */
function answerFrom(
  { request, ticket }: Visit,
  { object, headerSet }: Source,
  deps: ServeDeps,
  read: (first: number, last: number) => Body,
): Answer | undefined {
  const { firstByte, lastByte } = ticket;
  const isPart = firstByte > 0 || lastByte < object.size - 1;
  if (isPart && request.method === "GET" && !staysWithin(request.headers.range, ticket, object.size)) {
    return refuse(refuseRange(firstByte, lastByte), deps);
  }
  try {
    const { method, headers } = request;
    const answer = rangedAnswer({ requestHeaders: headers, method, size: object.size, headers: headerSet.base, read });
    if (!isPart || answer.status !== 200 || method !== "GET") return answer;
    // If-Range did not hold: the whole would go out, which this ticket is not for.
    stopBody(answer.body);
    return refuse(refuseRange(firstByte, lastByte), deps);
  } catch (error) {
    if (error instanceof FileGone) return undefined;
    throw error;
  }
}

function staysWithin(value: string | undefined, { firstByte, lastByte }: Ticket, size: number): boolean {
  const range = parseRange(value, size);
  switch (range.kind) {
    case "none":
      return false;
    case "one":
      return range.first >= firstByte && range.last <= lastByte;
    case "many":
      return range.spans.every(({ first, last }) => first >= firstByte && last <= lastByte);
    case "unsatisfiable":
      return true;
  }
}

function readWhole({ object }: Source, first: number, last: number, deps: ServeDeps): Body {
  const { memory } = object;
  if (memory !== undefined) {
    if (last - first >= ONE_WRITE_BYTES) return memoryBody(memory, first, last, deps.onBytes);
    deps.onBytes(last - first + 1);
    return memory.subarray(first, last + 1);
  }
  const descriptor = openIfUnchanged(deps.layout.objectPath(object.objectId), object.stamp);
  if (descriptor === undefined) {
    deps.store.setUnchecked(object);
    throw new FileGone();
  }
  const { blocks, onBytes } = deps;
  return new FileBody(descriptor, first, last, { nowMs: () => deps.clock.nowMs(), onBytes, blocks });
}

/** One answer with bytes of an object, for the books. */
interface Delivery {
  account: Account;
  object: StoredObject;
  outcome: Outcome;
}

/** Books what a 200 or 206 sends on the ticket's account; other bodies are nobody's claim. */
function finish(answer: Answer, delivery: Delivery, deps: ServeDeps): Answer {
  if (answer.body === null || (answer.status !== 200 && answer.status !== 206)) return answer;
  const bodyBytes = Number(header(answer.headers, "Content-Length"));
  if (answer.body instanceof Uint8Array) return booked(answer, bodyBytes, delivery, deps);
  return bookedAsItGoes(answer, bodyBytes, delivery, deps);
}

function booked(answer: Answer, bodyBytes: number, { account, object, outcome }: Delivery, deps: ServeDeps): Answer {
  const { ledger, traffic } = deps;
  ledger.begin(account, bodyBytes);
  object.transferCount++;
  answer.sent = (sentBytes) => {
    object.transferCount--;
    ledger.end(account, bodyBytes, sentBytes);
    traffic.noteAnswer(outcome, sentBytes);
  };
  return answer;
}

/** A long transfer is claimed while it goes on, so that a crash in the middle of it costs no more than its last moments. */
function bookedAsItGoes(answer: Answer, bodyBytes: number, delivery: Delivery, deps: ServeDeps): Answer {
  const { account, object, outcome } = delivery;
  const { ledger, traffic } = deps;
  let bookedBytes = 0;
  ledger.begin(account, bodyBytes);
  object.transferCount++;
  answer.progress = (sentBytes) => {
    ledger.advance(account, sentBytes - bookedBytes);
    traffic.noteBytes(outcome, sentBytes - bookedBytes);
    bookedBytes = sentBytes;
  };
  answer.sent = (sentBytes) => {
    object.transferCount--;
    const restBytes = Math.max(0, sentBytes - bookedBytes);
    ledger.end(account, bodyBytes - bookedBytes, restBytes);
    traffic.noteAnswer(outcome, restBytes);
  };
  return answer;
}

/** The value of Range as it was sent, "" when there is none. */
function rangeField(rawHeaders: string[]): string {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 5 && name.toLowerCase() === "range") return rawHeaders[i + 1] as string;
  }
  return "";
}

/** No Range and no condition: nothing for RFC 9110 sections 13 and 14 to decide. */
function isPlain(rawHeaders: string[]): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const first = name.charCodeAt(0) | 0x20;
    if (first === 0x72 /* r */ && name.length === 5 && name.toLowerCase() === "range") return false;
    if (first === 0x69 /* i */ && name.slice(0, 3).toLowerCase() === "if-") return false;
  }
  return true;
}
