import type { Server } from "bun";
import { NesonError } from "../error.ts";
import { abandon, stopBody } from "../http/abandon.ts";
import type { Answer, Handle, Headers as HeaderList } from "../http/answer.ts";
import { header } from "../http/answer.ts";
import { CONNECTION_FIELDS } from "../http/connection-fields.ts";
import { answerOfError, reportFailure, textAnswer, wrongLength } from "../http/failure.ts";
import type { Log } from "../log.ts";
import { http3Body } from "./http3-body.ts";
import { Http3Request } from "./http3-request.ts";
import type { TlsPair } from "./tls-pair.ts";

/** A body in memory up to this goes out whole, with its Content-Length; a larger one in parts that are counted as they are taken. */
const WHOLE_BODY_BYTES = 1024 * 1024;
/** A connection on which nothing moves for this long is broken, in seconds; also what ends a body that failed midway. */
const IDLE_SECONDS = 30;

/** What HTTP/3 needs. */
export interface Http3Options {
  hostname: string;
  /** UDP port. */
  port: number;
  tls: TlsPair;
  /** Never throws or rejects: errors have become answers. */
  handle: Handle<Http3Request>;
  log: Log;
}

/**
 * HTTP/3 (RFC 9114) on a UDP port, by `Bun.serve`; no TCP port is opened. What Bun 1.4.5 does not offer and so differs from the other versions:
 * the target is normalised; a body that is streamed has no Content-Length; and another certificate needs a new listener, which breaks what is
 * open, so it waits for a moment at which nothing is.
 */
export class Http3Listener {
  readonly #options: Http3Options;
  #server: Server<undefined>;
  #waiting: TlsPair | undefined;
  #isStopped = false;
  /** Requests whose answers are not over. */
  open = 0;

  /** Throws NesonError "port-in-use" (operator). */
  constructor(options: Http3Options) {
    this.#options = options;
    this.#server = this.#serve(options.tls);
  }

  /** Uses another certificate as soon as nothing is open. */
  useTls(tls: TlsPair): void {
    this.#waiting = tls;
    this.inspect();
  }

  /** Called about four times a second. */
  inspect(): void {
    if (this.#waiting === undefined || this.open > 0 || this.#isStopped) return;
    const tls = this.#waiting;
    this.#server.stop(true);
    try {
      this.#server = this.#serve(tls);
      this.#waiting = undefined;
    } catch (error) {
      this.#options.log.error({ err: error }, "HTTP/3 is down, trying again");
    }
  }

  /** Ends at once; the caller has waited for what is open. */
  stop(): void {
    this.#isStopped = true;
    this.#server.stop(true);
  }

  #serve(tls: TlsPair): Server<undefined> {
    const { hostname, port } = this.#options;
    try {
      return Bun.serve({
        hostname,
        port,
        tls: { cert: tls.cert, key: tls.key },
        http1: false,
        http3: true,
        development: false,
        idleTimeout: IDLE_SECONDS,
        fetch: (request, server) => this.#answer(request, server.requestIP(request)?.address ?? ""),
      });
    } catch (cause) {
      const message = `cannot listen on ${hostname}:${port} for HTTP/3: another program uses this UDP port; stop it, choose another port, or do without HTTP/3`;
      throw new NesonError("port-in-use", message, { fault: "operator", cause });
    }
  }

  #answer(incoming: Request, remoteAddress: string): Response | Promise<Response> {
    const request = Http3Request.of(incoming, remoteAddress);
    if ("refusal" in request) return this.#respond(incoming, textAnswer(400, `bad request: ${request.refusal}`));
    if (incoming.body !== null)
      return this.#respond(incoming, textAnswer(413, "requests with content are not taken here"));
    this.open++;
    const answer = this.#options.handle(request);
    if (!(answer instanceof Promise)) return this.#respondOnce(incoming, answer);
    return answer.then((late) => this.#respondOnce(incoming, late));
  }

  #respondOnce(incoming: Request, answer: Answer): Response {
    if (incoming.signal.aborted) {
      this.open--;
      abandon(answer);
      return new Response(null, { status: 499 });
    }
    try {
      return this.#respond(incoming, answer, () => {
        this.open--;
      });
    } catch (error) {
      this.open--;
      abandon(answer);
      return this.#respond(incoming, answerOfError(this.#options.log, error, named(incoming)));
    }
  }

  /** Throws when the answer cannot be written. */
  #respond(incoming: Request, answer: Answer, onOver: () => void = () => {}): Response {
    const { status, body } = answer;
    if (!Number.isInteger(status) || status < 200 || status > 599) throw new RangeError(`status ${status}`);
    const headers = fieldsOf(answer.headers);
    const declared = header(answer.headers, "Content-Length");
    const isBytes = body === null || body instanceof Uint8Array;
    if (incoming.method === "HEAD" || status === 204 || status === 304) {
      stopBody(body);
      return this.#sendWhole(new Response(null, { status, headers }), answer, 0, onOver);
    }
    if (isBytes) {
      const length = body?.length ?? 0;
      if (declared !== undefined && Number(declared) !== length) throw wrongLength(declared, length);
      if (body === null || length <= WHOLE_BODY_BYTES) {
        return this.#sendWhole(
          new Response(body as Uint8Array<ArrayBuffer> | null, { status, headers }),
          answer,
          length,
          onOver,
        );
      }
    }
    const stream = http3Body(isBytes ? blockOf(body) : body, {
      answer,
      declaredBytes: declared === undefined ? undefined : Number(declared),
      onFail: (error) =>
        reportFailure(this.#options.log, error, named(incoming), "body failed midway, left to time out"),
      onOver,
    });
    return new Response(stream, { status, headers });
  }

  #sendWhole(response: Response, answer: Answer, bytes: number, onOver: () => void): Response {
    onOver();
    answer.sent?.(bytes, true);
    return response;
  }
}

/** Fields of the connection are none of HTTP/3's (RFC 9114 section 4.2). */
function fieldsOf(list: HeaderList): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = list[i] as string;
    if (!(CONNECTION_FIELDS as readonly string[]).includes(name.toLowerCase()))
      headers.append(name, list[i + 1] as string);
  }
  return headers;
}

async function* blockOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function named(request: Request): { method: string; target: string } {
  return { method: request.method, target: request.url };
}
