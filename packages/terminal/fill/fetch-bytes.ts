import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { describeError } from "@neson/kit/error";
import { fillError } from "./fill-error.ts";
import type { Patience } from "./patience.ts";

/** Which bytes of which source. */
export interface FetchOptions {
  url: string;
  /** Asks for `first` to `last`, inclusive; the whole when absent. */
  range?: { first: number; last: number } | undefined;
  /** Gives up when nothing arrives for so long, ms. */
  idleMs: number;
  signal: AbortSignal;
}

/** An answer whose body begins at byte `first` of the object: 0 when the source does not know ranges. */
export interface FetchedBytes {
  first: number;
  body: AsyncGenerator<Uint8Array, void>;
}

/** The source refused in a way that asking again will not change. */
export class SourceRefusal extends Error {}

/**
 * Asks a source for bytes. The body is read only as fast as it is pulled; leaving it early closes the connection. It says
 * nothing of how many bytes will come: the caller counts, and checks every one. Redirects are not followed.
 *
 * @throws SourceRefusal for a 4xx, NesonError `unreachable` for anything else that is not the bytes
 */
export async function fetchBytes(options: FetchOptions): Promise<FetchedBytes> {
  const { url, range, idleMs, signal } = options;
  signal.throwIfAborted();
  const send = url.startsWith("https:") ? requestHttps : requestHttp;
  const headers: Record<string, string> = { "Accept-Encoding": "identity" };
  if (range !== undefined) headers.Range = `bytes=${range.first}-${range.last}`;
  const request = send(url, { headers, agent: false });
  const watch = new Watch(request, idleMs, signal);
  try {
    const response = await watch.during(responseOf(request));
    return { first: firstByteOf(response, range?.first), body: bodyOf(response, watch) };
  } catch (error) {
    watch.close();
    throw error;
  }
}

/** Breaks a request off when it idles, or when the signal says so, and turns what is awaited into that reason. */
class Watch {
  readonly #request: ClientRequest;
  readonly #idleMs: number;
  readonly #signal: AbortSignal;
  readonly #broken: Promise<never>;
  #break: (reason: unknown) => void = () => {};

  constructor(request: ClientRequest, idleMs: number, signal: AbortSignal) {
    this.#request = request;
    this.#idleMs = idleMs;
    this.#signal = signal;
    this.#broken = new Promise((_resolve, reject) => {
      this.#break = reject;
    });
    this.#broken.catch(() => {});
    request.on("error", this.#break);
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Awaits something of the network; the time the caller spends elsewhere does not count as idle. */
  async during<T>(awaited: Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#break(new Error(`nothing arrived for ${this.#idleMs} ms`)), this.#idleMs);
    try {
      return await Promise.race([awaited, this.#broken]);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#request.destroy();
  }

  readonly #onAbort = () => this.#break(this.#signal.reason);
}

function responseOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve) => {
    request.on("response", resolve);
    request.end();
  });
}

function firstByteOf(response: IncomingMessage, asked: number | undefined): number {
  const status = response.statusCode ?? 0;
  if (status === 200) return 0;
  if (status === 206 && asked !== undefined) {
    // RFC 9110 section 14.4
    const first = /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(response.headers["content-range"] ?? "")?.[1];
    if (Number(first) === asked) return asked;
    throw fillError("unreachable", `the source answered another range than the one from ${asked} that was asked for`);
  }
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
    throw new SourceRefusal(`the source refused with status ${status}`);
  }
  throw fillError("unreachable", `the source answered with status ${status}, expected 200 or 206`);
}

async function* bodyOf(response: IncomingMessage, watch: Watch): AsyncGenerator<Uint8Array, void> {
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const pulled = chunks.next();
      pulled.catch(() => {});
      const step = await watch.during(pulled);
      if (step.done) return;
      yield step.value;
    }
  } finally {
    watch.close();
  }
}

/**
 * Reads a body that must have exactly `size` bytes, as a piece list has, and is given up once `patience` is over.
 *
 * @throws NesonError `unreachable`
 */
export async function fetchExactly(
  options: Omit<FetchOptions, "range">,
  size: number,
  patience: Patience,
): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(size);
  let filled = 0;
  try {
    const { body } = await fetchBytes(options);
    for await (const chunk of body) {
      if (filled + chunk.length > size) throw fillError("unreachable", `more than the ${size} bytes expected`);
      bytes.set(chunk, filled);
      filled += chunk.length;
      if (filled < size) patience.check(`a list of ${size} bytes`);
    }
  } catch (error) {
    options.signal.throwIfAborted();
    throw fillError("unreachable", `fetching ${size} bytes failed: ${describeError(error)}`, error);
  }
  if (filled === size) return bytes;
  throw fillError("unreachable", `the source sent ${filled} bytes, expected ${size}`);
}
