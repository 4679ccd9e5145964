import type { Clock } from "../clock.ts";
import type { Answer, EdgeRequest, Handle, Headers } from "../http/answer.ts";
import { formatHttpDate } from "../http/date.ts";
import { answerOfError, textAnswer } from "../http/failure.ts";
import type { Log } from "../log.ts";
import type { AddressAccount, AddressBook } from "./address-book.ts";
import type { ConnectionContext, HttpLimits } from "./connection.ts";

/** What the connections of a server share. */
export interface WireContextOptions {
  handle: Handle;
  /** False when requests with content are refused. */
  takesContent: boolean;
  limits: Required<HttpLimits>;
  clock: Clock;
  log: Log;
  book: AddressBook;
}

/** Makes the context of each connection, in which its address's requests are counted and errors have become answers. */
export class WireContexts {
  readonly #options: WireContextOptions;
  #date: string;
  /** Value of the Alt-Svc field of every answer. */
  #altSvc: string | undefined;

  constructor(options: WireContextOptions) {
    this.#options = options;
    this.#date = formatHttpDate(options.clock.nowMs());
  }

  /** Renews the Date field. */
  inspect(nowMs: number): void {
    this.#date = formatHttpDate(nowMs);
  }

  /** From now on the answers of new connections say that HTTP/3 is spoken on this UDP port (RFC 7838, RFC 9114 section 3.1.1). */
  advertiseHttp3(port: number): void {
    this.#altSvc = `h3=":${port}"; ma=86400`;
  }

  /** The context of a connection from the address that this account is of. */
  of(account: AddressAccount): ConnectionContext {
    const { limits, clock, log, takesContent } = this.#options;
    const altSvc = this.#altSvc;
    const handle = (request: EdgeRequest) => this.answer(request, account);
    return {
      handle: altSvc === undefined ? handle : (request) => advertised(handle(request), altSvc),
      takesContent,
      limits,
      clock,
      log,
      date: this.#readDate,
    };
  }

  /** Answers a request that counts for this account. Never throws or rejects. */
  answer(request: EdgeRequest, account: AddressAccount): Answer | Promise<Answer> {
    const { handle, log, book, limits } = this.#options;
    if (!book.admit(account)) return tooMany(limits.maxRequestsPerSecond);
    const own = ownAnswer(request);
    if (own !== undefined) return own;
    try {
      const answer = handle(request);
      if (!(answer instanceof Promise)) return answer;
      return answer.catch((error: unknown) => answerOfError(log, error, request));
    } catch (error) {
      return answerOfError(log, error, request);
    }
  }

  readonly #readDate = (): string => this.#date;
}

/** Frozen lists with an Alt-Svc field, by the lists without: they stay frozen, so that they are still encoded once. */
const advertisedLists = new WeakMap<Headers, Headers>();

function advertised(answer: Answer | Promise<Answer>, altSvc: string): Answer | Promise<Answer> {
  if (answer instanceof Promise) return answer.then((late) => advertised(late, altSvc));
  const known = advertisedLists.get(answer.headers);
  const headers = known ?? answer.headers.concat("Alt-Svc", altSvc);
  if (known === undefined && Object.isFrozen(answer.headers)) {
    advertisedLists.set(answer.headers, Object.freeze(headers) as Headers);
  }
  return { ...answer, headers };
}

/** What no handler is asked: an OPTIONS about the server itself (RFC 9110 section 9.3.7), and TRACE, whose answer would repeat cookies to scripts. */
function ownAnswer({ method, target }: EdgeRequest): Answer | undefined {
  if (target === "*") return { status: 204, headers: ["Allow", "GET, HEAD, OPTIONS"], body: null };
  return method === "TRACE" ? textAnswer(501, "TRACE is not offered here") : undefined;
}

/** RFC 6585 section 4. */
function tooMany(maxRequestsPerSecond: number): Answer {
  return textAnswer(429, `more than ${maxRequestsPerSecond} requests a second from this address`, ["Retry-After", "1"]);
}
