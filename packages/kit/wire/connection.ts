import type { Clock } from "../clock.ts";
import type { Answer, EdgeRequest } from "../http/answer.ts";
import type { Log } from "../log.ts";

/** The socket below a connection. Bytes that it does not accept stay the caller's. */
export interface ByteSink {
  /** Offers bytes[offset..]. How many the kernel or the TLS layer took: 0 when none for now, -1 when the socket is closed. */
  write(bytes: Uint8Array, offset: number): number;
  /** Closes once what was accepted has been sent. */
  end(): void;
  /** Cuts at once. */
  terminate(): void;
  /** Nothing more is received until `resume`: what the client sends waits in the kernel, and then at the client. */
  pause(): void;
  resume(): void;
  readonly remoteAddress: string;
  readonly isSecure: boolean;
}

/** One client's connection, whatever version of HTTP it speaks. */
export interface Connection {
  /** The bytes are valid during the call alone: what is kept must be copied. */
  receive(bytes: Uint8Array): void;
  /** The sink takes bytes again. */
  writable(): void;
  /** The socket is gone: every transfer is over, every `sent` is called. */
  closed(): void;
  /** Called about four times a second, for deadlines. */
  inspect(nowMs: number): void;
  /** The server stops: what is open is answered, then the connection closes. */
  drain(): void;
  /** Requests that wait for their answer, and answers that are not yet wholly in the kernel. */
  readonly open: number;
}

/** Bounds of a listener; each has a default in `http/server.ts`. */
export interface HttpLimits {
  /** Header section of a request, in bytes; more is answered 431. */
  maxHeaderBytes?: number;
  /** A connection must send a whole header section within this, ms. */
  headersMs?: number;
  /** While a request's content is waited for, 1 KiB of it, or its end, must come within this, ms. */
  contentMs?: number;
  /** After an answer 101: a connection on which nothing moves for this long is cut off, ms. */
  tunnelMs?: number;
  /** An idle kept-alive connection is closed after this, ms. */
  keepAliveMs?: number;
  /** A client that takes no byte of its answer for this long is cut off, ms. */
  stallMs?: number;
  /** On stop, open transfers may go on for this long, ms. */
  graceMs?: number;
  /** Connections of one address (IPv4, or IPv6 /64) at once; more are closed when they come. */
  maxConnectionsPerAddress?: number;
  /** Requests of one address a second, on average; more are answered 429. */
  maxRequestsPerSecond?: number;
  /** Connections in all. */
  maxConnections?: number;
  /** HTTP/2: open streams of one connection. */
  maxStreams?: number;
}

/** What a connection works with. */
export interface ConnectionContext {
  /** Never throws or rejects: errors have become answers. */
  handle(request: EdgeRequest): Answer | Promise<Answer>;
  /** False when requests with content are refused. */
  takesContent: boolean;
  limits: Required<HttpLimits>;
  clock: Clock;
  log: Log;
  /** The current value of the Date field (RFC 9110 section 6.6.1), renewed each second. */
  date(): string;
}
