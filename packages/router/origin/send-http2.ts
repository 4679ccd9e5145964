import { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { trailerFields } from "@neson/kit/wire/trailer-fields";
import { endToEndFields } from "../policy/fields.ts";
import { withoutTags } from "../purge/order.ts";
import { badAnswer, InterimCount, wrongHead } from "./answer-head.ts";
import { OriginBody } from "./origin-body.ts";
import type { OriginRequest, OriginResponse } from "./origin-client.ts";
import type { OriginOptions } from "./origin-options.ts";
import { declaredLength, receivedHeaders } from "./response-headers.ts";
import { cutShort, goOn, type SentBody } from "./send-body.ts";
import { Unanswered } from "./send-once.ts";
import { type Target, targetsOf } from "./targets.ts";

/** RFC 9113 8.2.2: fields of the connection, which HTTP/2 frames otherwise. */
const CONNECTION_FIELDS = new Set([
  "connection",
  "host",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** What one request works with. */
export interface Http2Deps {
  session: ClientHttp2Session;
  target: Target;
  options: OriginOptions;
  clock: Clock;
}

/** Sends a request on an HTTP/2 connection. @throws Unanswered, or the signal's reason */
export async function sendHttp2(request: OriginRequest, deps: Http2Deps): Promise<OriginResponse> {
  const { session, target, options, clock } = deps;
  const { host } = target.origin;
  const { promise, resolve, reject } = Promise.withResolvers<OriginResponse>();
  const requestTimeMs = clock.nowMs();
  const hasBody = request.body !== undefined;
  const stream = session.request(fieldsOf(request, target), { endStream: !hasBody, waitForTrailers: hasBody });
  stream.once("wantTrailers", () => sendTrailers(stream, request.trailers?.() ?? []));
  const timer = new Silence(stream, host);
  let hasAnswered = false;
  const fail = (cause: unknown) => {
    if (hasAnswered) return;
    timer.stop();
    const wasRefused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    // Refused streams were not looked at (RFC 9113 8.7): they may always be sent again.
    const failure = cause instanceof NesonError ? cause : unanswered(host, cause);
    reject(new Unanswered(failure, { wasSent: !wasRefused, wasIdle: false }));
  };
  const giveUp = () => {
    timer.stop();
    stream.close(constants.NGHTTP2_CANCEL);
    reject(request.signal?.reason);
  };
  if (request.signal?.aborted === true) giveUp();
  request.signal?.addEventListener("abort", giveUp, { once: true });
  stream.on("error", fail);
  stream.once("close", () => {
    request.signal?.removeEventListener("abort", giveUp);
    fail(new Error("the stream was closed without an answer"));
  });
  const interim = new InterimCount();
  const refuse = (wrong: string) => {
    fail(badAnswer(host, wrong));
    stream.close(constants.NGHTTP2_CANCEL);
  };
  stream.on("headers", (fields, _flags, raw: unknown) => {
    const status = Number(fields[":status"]);
    const wrong = interim.wrong(status);
    if (wrong !== undefined) refuse(wrong);
    else if (status > 101) request.onInform?.(status, withoutTags(endToEndFields(plainFields(raw))));
  });
  stream.once("response", (fields, _flags, raw: unknown) => {
    const answer = { status: Number(fields[":status"]), headers: plainFields(raw) };
    const wrong = wrongHead({ status: answer.status, rawHeaders: answer.headers });
    if (wrong !== undefined) {
      refuse(wrong);
      return;
    }
    hasAnswered = true;
    timer.stop();
    resolve(received(stream, answer, request, { requestTimeMs, responseTimeMs: clock.nowMs() }, deps));
  });
  timer.within(options.firstByteMs, "an answer");
  if (request.body !== undefined) {
    sendContent(stream, { ...request, body: request.body }, timer, options).catch(fail);
  }
  return promise;
}

type FieldMap = Record<string, string | string[]>;

function fieldsOf({ method, target: path, headers }: OriginRequest, { origin, hostField }: Target): FieldMap {
  const pseudo = { ":method": method, ":scheme": "https", ":authority": hostField, ":path": origin.base + path };
  return addFields(pseudo, headers);
}

function addFields(fields: FieldMap, flat: readonly string[]): FieldMap {
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const [name, value] = [(flat[i] ?? "").toLowerCase(), flat[i + 1] ?? ""];
    if (CONNECTION_FIELDS.has(name)) continue;
    const known = fields[name];
    fields[name] = known === undefined ? value : [...(Array.isArray(known) ? known : [known]), value];
  }
  return fields;
}

/** Ends the stream with what follows the content (RFC 9113 8.1). */
function sendTrailers(stream: ClientHttp2Stream, flat: readonly string[]): void {
  stream.sendTrailers(addFields({}, flat));
}

/** Flat fields without pseudo-fields. */
function plainFields(raw: unknown): string[] {
  const flat = Array.isArray(raw) ? raw.map(String) : [];
  const fields: string[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    if (flat[i]?.startsWith(":") === false) fields.push(flat[i] ?? "", flat[i + 1] ?? "");
  }
  return fields;
}

function received(
  stream: ClientHttp2Stream,
  answer: { status: number; headers: string[] },
  { site, method }: OriginRequest,
  times: { requestTimeMs: number; responseTimeMs: number },
  { target, options }: Http2Deps,
): OriginResponse {
  const origins = targetsOf(site).map(({ origin }) => origin);
  const stop = () => stream.close(constants.NGHTTP2_CANCEL);
  let trailers: string[] = [];
  stream.once("trailers", (_fields, _flags, raw: unknown) => {
    trailers = plainFields(raw);
  });
  const source = {
    [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator](),
    on: stream.on.bind(stream),
    destroy: (error?: Error) => (error === undefined ? stop() : stream.destroy(error)),
    get complete() {
      return stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.aborted;
    },
  };
  const contentLength = declaredLength(answer.headers);
  const hasBody = method !== "HEAD" && answer.status !== 304;
  const declaredBytes = hasBody ? contentLength : undefined;
  return {
    status: answer.status,
    headers: receivedHeaders(answer.headers, origins, times.responseTimeMs),
    contentLength,
    ...times,
    body: new OriginBody(source, { idleMs: options.idleMs, name: target.origin.host, declaredBytes }),
    trailers: () => trailerFields(endToEndFields(trailers)),
    discard: stop,
  };
}

async function sendContent(
  stream: ClientHttp2Stream,
  { body, isAwaited }: SentBody,
  timer: Silence,
  { firstByteMs, idleMs }: OriginOptions,
): Promise<void> {
  const closed = new Promise<"closed">((resolve) => stream.once("close", () => resolve("closed")));
  if (isAwaited === true && !(await goOn(stream, closed))) {
    stream.once("end", () => stream.close());
    return;
  }
  try {
    timer.rest();
    for await (const chunk of body) {
      if (stream.destroyed || stream.closed) return;
      if (stream.write(chunk)) continue;
      timer.within(idleMs, "the origin to take more of the request");
      const drained = new Promise<"drained">((resolve) => stream.once("drain", () => resolve("drained")));
      if ((await Promise.race([drained, closed])) === "closed") return;
      timer.rest();
    }
  } catch (cause) {
    // The client left in the middle: the origin must not take the part for the whole.
    stream.close(constants.NGHTTP2_CANCEL);
    throw cutShort(cause);
  }
  stream.end();
  timer.within(firstByteMs, "an answer");
}

/** Ends a stream that is silent for too long. */
class Silence {
  readonly #stream: ClientHttp2Stream;
  readonly #host: string;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(stream: ClientHttp2Stream, host: string) {
    this.#stream = stream;
    this.#host = host;
  }

  within(limitMs: number, waitedFor: string): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const message = `origin ${this.#host}: waited ${limitMs} ms for ${waitedFor}, no longer is allowed`;
      this.#stream.destroy(new NesonError("origin-timeout", message, { fault: "peer" }));
    }, limitMs);
  }

  /** The client is to send more: no time runs. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}

function unanswered(host: string, cause: unknown): NesonError {
  return new NesonError("origin-unreachable", `origin ${host} could not be asked`, { fault: "peer", cause });
}
