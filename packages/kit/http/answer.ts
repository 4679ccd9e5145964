import type { IncomingHttpHeaders } from "node:http";

/** A flat header list [name, value, name, value…]: order and duplicates are kept, as `node:http` takes and gives them. */
export type Headers = string[];

/**
 * What follows the header section. An iterable is pulled only as fast as the client takes it. When nobody will pull it (any more), `return` of its
 * iterator is called; a generator that was never started runs no code then, so it must open what it needs only once it runs.
 */
export type Body = null | Uint8Array | AsyncIterable<Uint8Array>;

/** One response, as a value. */
export interface Answer {
  status: number;
  headers: Headers;
  body: Body;
  /**
   * Called exactly once, when the transfer is over: how many body bytes the kernel took, and whether that was all of
   * them. After a broken transfer the number is a lower bound (what was still queued in this process is not counted).
   */
  sent?: (bodyBytes: number, complete: boolean) => void;
  /** Called now and then while a long transfer goes on: how many body bytes the kernel took so far. Never falls. */
  progress?: (bodyBytes: number) => void;
  /** Read once a streamed body has ended: fields that follow it (RFC 9110 6.5). Sent where the version and coding of the answer allow it, else dropped. */
  trailers?: () => Headers;
}

/** One request without its content, whatever version of HTTP brought it. */
export interface HttpRequest {
  readonly method: string;
  /** Raw request target in origin-form ("/a/../b?q=%22"), never normalised. */
  readonly target: string;
  /** Host (with port when given), lower-cased; "" when an HTTP/1.0 client sent none. */
  readonly host: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: string[];
  /** Peer IP address as the socket gives it; "" once the client is gone. */
  readonly remoteAddress: string;
  /** Aborts when the client leaves before its answer is complete. Made on first use. */
  readonly signal: AbortSignal;
  readonly httpVersion: string;
}

/**
 * One request as the Router's data path sees it, with its content. After an answer 101 (RFC 9110 15.2.2) `body` goes on with whatever the
 * client sends, the answer's body is what it gets, and either end closes both.
 */
export interface EdgeRequest extends HttpRequest {
  /** Pulled only as fast as it is read. Throws when the client leaves before its end. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Fields that followed the content; empty until it was read to its end. */
  trailers(): Headers;
  /** Sends an interim answer, 102 to 199 (RFC 9110 15.2), ahead of the answer; does nothing for a client of HTTP/1.0 or once the answer has begun. */
  inform(status: number, headers: Headers): void;
}

/** A request handler. A plain Answer goes out in the same tick; a rejected promise is answered by the error's fault. */
export type Handle<Request extends HttpRequest = EdgeRequest> = (request: Request) => Answer | Promise<Answer>;

/** Value of the first header of that name (any case), or undefined. */
export function header(headers: Headers, name: string): string | undefined {
  const at = indexOfHeader(headers, name);
  return at < 0 ? undefined : headers[at + 1];
}

/** A list in which `name` occurs once, with `value`, at the place of its first occurrence or at the end. */
export function setHeader(headers: Headers, name: string, value: string): Headers {
  const at = indexOfHeader(headers, name);
  if (at < 0) return headers.concat(name, value);
  const rest = removeHeader(headers.slice(at + 2), name);
  return [...headers.slice(0, at), name, value, ...rest];
}

/** A list without any header of that name. */
export function removeHeader(headers: Headers, name: string): Headers {
  if (indexOfHeader(headers, name) < 0) return headers;
  const kept: Headers = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!sameName(headers[i], name)) kept.push(headers[i] ?? "", headers[i + 1] ?? "");
  }
  return kept;
}

/** Index of the first header of that name in the flat list, or -1. Compares lengths first: this runs on every request. */
export function indexOfHeader(headers: Headers, name: string): number {
  for (let i = 0; i < headers.length; i += 2) {
    if (sameName(headers[i], name)) return i;
  }
  return -1;
}

function sameName(found: string | undefined, name: string): boolean {
  if (found === undefined || found.length !== name.length) return false;
  return found === name || found.toLowerCase() === name.toLowerCase();
}
