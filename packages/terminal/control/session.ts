import type { Clock } from "@neson/kit/clock";
import { describeError, NesonError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Hardware } from "@neson/protocol/hardware";
import type { Identity } from "@neson/protocol/identity";
import {
  helloBytes,
  PROTOCOL_VERSION,
  parseRouterFrame,
  type RouterMessage,
  type TerminalMessage,
} from "@neson/protocol/messages";

/** The message that lets a Terminal in. */
export type Welcome = Extract<RouterMessage, { type: "welcome" }>;
type Challenge = Extract<RouterMessage, { type: "challenge" }>;

/** How a Terminal introduces itself. */
export interface Introduction {
  /** ws: or wss: URL of the Router's control channel. */
  channelUrl: string;
  /** Origin at which clients reach this Terminal. */
  endpoint: string;
  version: string;
  hardware: Hardware;
}

/** How a session ended. */
export interface SessionEnd {
  /** It got to `welcome`. */
  wasWelcome: boolean;
  /** Code of the Router's `refused`, or "no-connection". */
  code: string;
  /** For people. */
  message: string;
}

/** Who acts on what the Router says. None may throw, but for `onWelcome`, whose error ends the session. */
export interface SessionHandlers {
  onWelcome(welcome: Welcome): Promise<void>;
  onMessage(message: RouterMessage): void;
}

/** What a session needs. */
export interface SessionDeps {
  identity: Identity;
  clock: Clock;
  log: Log;
}

/** From dialling to `welcome`: the Router dials back meanwhile. */
const HANDSHAKE_MS = 20_000;
/** The Router answers every heartbeat; so much longer than one without a word and it is gone. */
const SILENCE_MS = 5000;
const WATCH_MS = 500;
const MAX_EARLY = 1000;

/** One connection to a Router, from dialling to its end. */
export class Session {
  /** Resolves when the connection is over. Never rejects. */
  readonly ended: Promise<SessionEnd>;
  readonly #end: (outcome: SessionEnd) => void;
  readonly #introduction: Introduction;
  readonly #deps: SessionDeps;
  readonly #handlers: SessionHandlers;
  readonly #socket: WebSocket;
  readonly #watch: NodeJS.Timeout;
  readonly #startedAtMs: number;
  #state: "new" | "introduced" | "welcoming" | "open" | "over" = "new";
  #heardAtMs: number;
  #silenceMs = SILENCE_MS;
  /** What came right behind the welcome, while that was being acted on. */
  readonly #early: RouterMessage[] = [];

  constructor(introduction: Introduction, deps: SessionDeps, handlers: SessionHandlers) {
    this.#introduction = introduction;
    this.#deps = deps;
    this.#handlers = handlers;
    const { promise, resolve } = Promise.withResolvers<SessionEnd>();
    this.ended = promise;
    this.#end = resolve;
    this.#startedAtMs = deps.clock.nowMs();
    this.#heardAtMs = this.#startedAtMs;
    this.#socket = new WebSocket(introduction.channelUrl);
    this.#socket.addEventListener("message", (event) => this.#receive(event.data));
    this.#socket.addEventListener("close", (event) => this.#over(event.reason || `code ${event.code}`));
    this.#socket.addEventListener("error", () => this.#over("the connection failed"));
    this.#watch = setInterval(() => this.#look(), WATCH_MS);
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** False when the session is not open: the message is lost then. */
  send(message: TerminalMessage): boolean {
    if (this.#state !== "open") return false;
    this.#write(message);
    return true;
  }

  /** Ends it from this side. */
  close(reason: string): void {
    this.#over(reason);
  }

  #receive(data: unknown): void {
    if (this.#state === "over") return;
    this.#heardAtMs = this.#deps.clock.nowMs();
    let message: RouterMessage;
    try {
      message = parseRouterFrame(typeof data === "string" ? data : "");
    } catch (error) {
      this.#deps.log.warn({ reason: describeError(error) }, "dropped a malformed message of the Router");
      return;
    }
    this.#act(message);
  }

  #act(message: RouterMessage): void {
    if (message.type === "refused") {
      const { code, message: reason } = message;
      this.#deps.log.error({ code }, `the Router refused this Terminal: ${reason}`);
      this.#over(reason, code);
    } else if (message.type === "challenge" && this.#state === "new") {
      this.#introduce(message);
    } else if (message.type === "welcome" && this.#state === "introduced") {
      this.#welcome(message);
    } else if (this.#state === "open") {
      this.#handlers.onMessage(message);
    } else if (this.#state === "welcoming" && this.#early.length < MAX_EARLY) {
      this.#early.push(message);
    } else {
      this.#over(`found ${message.type} before the handshake was over`);
    }
  }

  #introduce({ nonce }: Challenge): void {
    const { endpoint, version, hardware } = this.#introduction;
    const { publicKey, sign } = this.#deps.identity;
    const signature = sign(helloBytes({ nonce, publicKey, endpoint }));
    this.#state = "introduced";
    this.#write({ type: "hello", protocol: PROTOCOL_VERSION, publicKey, signature, endpoint, version, hardware });
  }

  #welcome(welcome: Welcome): void {
    this.#state = "welcoming";
    this.#silenceMs = welcome.heartbeatMs + SILENCE_MS;
    this.#handlers.onWelcome(welcome).then(
      () => {
        if (this.#state !== "welcoming") return;
        this.#state = "open";
        for (const message of this.#early.splice(0)) this.#act(message);
      },
      (error) => {
        const level = error instanceof NesonError ? "error" : "fatal";
        this.#deps.log[level]({ err: error }, `leaving the Router: ${describeError(error)}`);
        this.#over(describeError(error), error instanceof NesonError ? error.code : "internal");
      },
    );
  }

  #look(): void {
    const nowMs = this.#deps.clock.nowMs();
    const isShaking = this.#state !== "open";
    if (isShaking && nowMs - this.#startedAtMs > HANDSHAKE_MS) this.#over(`no welcome within ${HANDSHAKE_MS} ms`);
    else if (!isShaking && nowMs - this.#heardAtMs > this.#silenceMs) this.#over(`no word for ${this.#silenceMs} ms`);
  }

  #write(message: TerminalMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  #over(reason: string, code = "no-connection"): void {
    if (this.#state === "over") return;
    const wasWelcome = this.#state === "open";
    this.#state = "over";
    clearInterval(this.#watch);
    const level = wasWelcome ? "info" : "debug";
    this.#deps.log[level]({ reason }, "control channel closed");
    // A peer that has gone silent will not answer a closing handshake either.
    this.#socket.terminate();
    this.#end({ wasWelcome, code, message: reason });
  }
}
