import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { abandon, stopBody } from "./abandon.ts";
import { type Answer, type Handle, header } from "./answer.ts";
import { answerOfError, reportFailure, textAnswer, wrongLength } from "./failure.ts";
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
      result = answerOfError(this.#log, error, named(request));
    }
    if (!(result instanceof Promise)) {
      this.#send(request, response, result);
      return;
    }
    this.#waiting++;
    result
      .catch((error) => answerOfError(this.#log, error, named(request)))
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
      else this.#send(request, response, answerOfError(this.#log, error, named(request)));
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
      reportFailure(this.#log, error, named(request), "body failed midway, connection cut");
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
}

function named(request: IncomingMessage): { method: string | undefined; target: string } {
  return { method: request.method, target: request.url ?? "" };
}
