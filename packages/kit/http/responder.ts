import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import { describeError, type Fault, NesonError, statusOf } from "../error.ts";
import type { Log } from "../log.ts";
import { type Answer, type Handle, header } from "./answer.ts";
import { aimOf, NodeEdgeRequest } from "./request.ts";
import { Transfer } from "./transfer.ts";

/** How often slow transfers are looked at: bounds how stale the byte count of a broken transfer can be. */
const INSPECT_MS = 250;

/** Turns handler results into bytes on the wire and knows what is still on its way. */
export class Responder {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #stallMs: number;
  readonly #transfers = new Set<Transfer>();
  #waiting = 0;
  #timer: Timer | undefined;

  constructor(log: Log, clock: Clock, stallMs: number) {
    this.#log = log;
    this.#clock = clock;
    this.#stallMs = stallMs;
  }

  /** Requests that wait for their answer, and answers that are not yet wholly in the kernel. */
  get open(): number {
    return this.#waiting + this.#transfers.size;
  }

  /** Has one request handled and its answer written; within this call when the handler answers at once. */
  answer(request: IncomingMessage, response: ServerResponse, handle: Handle): void {
    const aim = aimOf(request.url ?? "", request.rawHeaders, request.httpVersion);
    if ("refusal" in aim) {
      this.#send(request, response, textAnswer(400, `bad request: ${aim.refusal}`, ["Connection", "close"]));
      return;
    }
    let result: Answer | Promise<Answer>;
    try {
      result = handle(new NodeEdgeRequest(request, response, aim));
    } catch (error) {
      result = this.#errorAnswer(error, request);
    }
    if (!(result instanceof Promise)) {
      this.#send(request, response, result);
      return;
    }
    this.#waiting++;
    result
      .catch((error) => this.#errorAnswer(error, request))
      .then((answer) => {
        this.#waiting--;
        if (request.socket.destroyed) abandon(answer);
        else this.#send(request, response, answer);
      });
  }

  #send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    try {
      this.#write(request, response, answer);
    } catch (error) {
      abandon(answer);
      if (response.headersSent) request.socket.destroy();
      else this.#send(request, response, this.#errorAnswer(error, request));
    }
  }

  #write(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    const { status, body, headers } = answer;
    if (request.method === "HEAD" || status === 204 || status === 304) {
      response.writeHead(status, headers);
      response.end();
      stopBody(body);
      answer.sent?.(0, true);
      return;
    }
    const declared = header(headers, "Content-Length");
    if (body === null || body instanceof Uint8Array) {
      const length = body === null ? 0 : body.length;
      if (declared !== undefined && Number(declared) !== length) throw wrongLength(declared, length);
      response.writeHead(status, declared === undefined ? headers.concat("Content-Length", String(length)) : headers);
      if (body === null) response.end();
      else response.end(body);
      if (response.writableLength === 0) answer.sent?.(length, true);
      else this.#follow(request, response, answer).followEnded(length);
      return;
    }
    response.writeHead(status, headers);
    const transfer = this.#follow(request, response, answer);
    transfer.pump(body, declared === undefined ? undefined : Number(declared)).catch((error) => {
      // A source that fails because its client has left is no news.
      if (transfer.isOver) return;
      this.#report(error, request, "body failed midway, connection cut");
      transfer.cut();
    });
  }

  #follow(request: IncomingMessage, response: ServerResponse, answer: Answer): Transfer {
    const transfer = new Transfer(response, request.socket, answer, this.#clock.nowMs(), (over) => {
      this.#transfers.delete(over);
    });
    this.#transfers.add(transfer);
    this.#timer ??= setInterval(() => this.#inspect(), INSPECT_MS);
    return transfer;
  }

  #inspect(): void {
    const nowMs = this.#clock.nowMs();
    for (const transfer of this.#transfers) transfer.inspect(nowMs, this.#stallMs);
    if (this.#transfers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #errorAnswer(error: unknown, request: IncomingMessage): Answer {
    const fault = this.#report(error, request, "request failed");
    const status = statusOf(fault);
    // Only the caller's own mistakes are told: other messages may name an origin or a file.
    if (fault === "caller") return textAnswer(status, describeError(error));
    return textAnswer(status, error instanceof NesonError ? `not served: ${error.code}` : "not served: internal error");
  }

  #report(error: unknown, request: IncomingMessage, what: string): Fault {
    const fault = error instanceof NesonError ? error.fault : "bug";
    const level = LEVEL_OF_FAULT[fault];
    this.#log[level]({ err: error, method: request.method, target: request.url?.slice(0, 200) }, what);
    return fault;
  }
}

const LEVEL_OF_FAULT = { caller: "debug", peer: "warn", operator: "error", bug: "error" } as const;

function textAnswer(status: number, line: string, extra: string[] = []): Answer {
  const body = Buffer.from(`${line}\n`);
  const headers = ["Content-Type", "text/plain; charset=utf-8", "Cache-Control", "no-store", ...extra];
  return { status, headers, body };
}

function wrongLength(declared: string, length: number): NesonError {
  return new NesonError("wrong-content-length", `answer has ${length} bytes, its Content-Length says ${declared}`, {
    fault: "bug",
  });
}

/** The client left before its answer came. */
function abandon(answer: Answer): void {
  stopBody(answer.body);
  answer.sent?.(0, false);
}

/** Lets a body that nobody will read free what it holds. */
function stopBody(body: Answer["body"]): void {
  if (body === null || body instanceof Uint8Array) return;
  body[Symbol.asyncIterator]()
    .return?.()
    ?.catch(() => {});
}
