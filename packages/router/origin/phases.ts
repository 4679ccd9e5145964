import type { ClientRequest } from "node:http";
import { NesonError } from "@neson/kit/error";
import type { PhaseLimits } from "./origin-options.ts";
import type { OriginUrl } from "./origin-url.ts";

/** The clock of one request: connecting, then sending a body, then waiting for the first byte. */
export interface Phases {
  timeout: NesonError | undefined;
  readonly isConnected: boolean;
  /** Resolves once there is a connection; never without one. */
  readonly connected: Promise<void>;
  /** More of the request is waited for, which is the client's affair. */
  bodyAwaited(): void;
  /** The origin is to take what it was sent. */
  bodyMoved(): void;
  bodySent(): void;
  stop(): void;
}

/** Starts it. `isConnected` is true from the moment on at which bytes of the request may be on their way. */
export function watchPhases(sent: ClientRequest, options: PhaseLimits, { host, isTls }: OriginUrl): Phases {
  let timer: Timer | undefined;
  let isConnected = false;
  const { promise: connection, resolve: onConnection } = Promise.withResolvers<void>();
  let next: { limitMs: number; waitedFor: string } = { limitMs: options.firstByteMs, waitedFor: "an answer" };
  const watch = (limitMs: number, waitedFor: string) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const message = `origin ${host}: waited ${limitMs} ms for ${waitedFor}, no longer is allowed`;
      phases.timeout = new NesonError("origin-timeout", message, { fault: "peer" });
      sent.destroy(phases.timeout);
    }, limitMs);
  };
  const move = (limitMs: number, waitedFor: string) => {
    next = { limitMs, waitedFor };
    if (isConnected) watch(limitMs, waitedFor);
  };
  const connected = () => {
    isConnected = true;
    onConnection();
    watch(next.limitMs, next.waitedFor);
  };
  let isOver = false;
  const phases: Phases = {
    timeout: undefined,
    get isConnected() {
      return isConnected;
    },
    connected: connection,
    bodyAwaited: () => isOver || clearTimeout(timer),
    bodyMoved: () => isOver || move(options.idleMs, "the origin to take more of the request"),
    bodySent: () => isOver || move(options.firstByteMs, "an answer"),
    stop: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
  watch(options.connectMs, "a connection");
  sent.once("socket", (socket) => {
    if (isOver) return;
    if (!socket.connecting) connected();
    // Over TLS the request is on its way once both sides know each other.
    else socket.once(isTls ? "secureConnect" : "connect", () => isOver || connected());
  });
  return phases;
}
