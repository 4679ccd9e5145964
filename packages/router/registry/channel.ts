import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { parseTerminalFrame, type RouterMessage, type TerminalMessage } from "@neson/protocol/messages";
import type { Claim, ClaimsOutcome } from "../meter/meter.ts";
import { ConnectedTerminal } from "./connected-terminal.ts";
import type { DialBack } from "./dial-back.ts";
import { checkHello, type Hello, type Refusal, refusal } from "./handshake.ts";
import { IndexPages } from "./index-pages.ts";
import type { Registry } from "./registry.ts";
import type { Saves } from "./saves.ts";

/** The connection below a channel. */
export interface Socket {
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** What every channel of this Router has in common. */
export interface ChannelOptions {
  routerKey: string;
  edgeScheme: "http" | "https";
  maxObjectBytes: number;
  maxTerminals: number;
  terminalCapacityBytesPerSecond: number;
}

/** What a channel calls on. */
export interface ChannelDeps {
  registry: Registry;
  meter: { claim(terminalId: string, claims: readonly Claim[]): Promise<ClaimsOutcome> };
  saves: Saves;
  dialBack: DialBack;
  ticketKeysOf: (terminalId: string) => { day: number; key: string }[];
  challenge: () => string;
  clock: Clock;
  log: Log;
}

const HEARTBEAT_MS = 1000;
/** A Terminal that sent nothing for this long is gone. */
const SILENCE_MS = 3000;
const HELLO_WITHIN_MS = 10_000;
/** Frames waiting to be worked off; a Terminal that sends faster is cut off. */
const MAX_WAITING_FRAMES = 200;

type TerminalFrame<T extends TerminalMessage["type"]> = Extract<TerminalMessage, { type: T }>;

/** One Terminal's control channel, from challenge to close. */
export class TerminalChannel {
  readonly #socket: Socket;
  readonly #options: ChannelOptions;
  readonly #deps: ChannelDeps;
  readonly #nonce: string;
  readonly #openedAtMs: number;
  readonly #indexPages = new IndexPages();
  #state: "challenged" | "checking" | "open" | "closed" = "challenged";
  #terminal: ConnectedTerminal | undefined;
  #work: Promise<void> = Promise.resolve();
  #waitingFrames = 0;

  constructor(socket: Socket, options: ChannelOptions, deps: ChannelDeps) {
    this.#socket = socket;
    this.#options = options;
    this.#deps = deps;
    this.#nonce = deps.challenge();
    this.#openedAtMs = deps.clock.nowMs();
    this.#send({ type: "challenge", nonce: this.#nonce });
  }

  /** Takes one text frame. Never throws: what is wrong with a frame is told to its sender, and the channel closes. */
  receive(text: string): void {
    if (this.#state === "closed") return;
    let message: TerminalMessage;
    try {
      message = parseTerminalFrame(text);
    } catch (error) {
      this.#refuse(refusal("bad-message", describeError(error)));
      return;
    }
    if (this.#terminal !== undefined) this.#terminal.lastHeardMs = this.#deps.clock.nowMs();
    if (this.#state === "checking") {
      // Nobody is let in yet: what a stranger sends meanwhile must not pile up in memory.
      this.#refuse(refusal("bad-message", `found ${message.type} before welcome`));
      return;
    }
    if (this.#waitingFrames >= MAX_WAITING_FRAMES) {
      this.#refuse(refusal("bad-message", `more than ${MAX_WAITING_FRAMES} messages await their answer; send slower`));
      return;
    }
    this.#waitingFrames += 1;
    this.#work = this.#work
      .then(() => this.#handle(message))
      .finally(() => {
        this.#waitingFrames -= 1;
      });
  }

  /** Called twice a second: closes a channel that fell silent or never said hello. */
  tick(): void {
    const nowMs = this.#deps.clock.nowMs();
    if (this.#terminal !== undefined && nowMs - this.#terminal.lastHeardMs > SILENCE_MS) {
      this.#end(`no message for ${SILENCE_MS} ms`);
    } else if (this.#state === "challenged" && nowMs - this.#openedAtMs > HELLO_WITHIN_MS) {
      this.#refuse(refusal("bad-message", `no hello within ${HELLO_WITHIN_MS} ms`));
    }
  }

  /** New ticket keys for a new day. */
  sendKeys(): void {
    if (this.#terminal === undefined) return;
    this.#send({ type: "keys", ticketKeys: this.#deps.ticketKeysOf(this.#terminal.id) });
  }

  /** The connection is gone: from this moment the Terminal gets no ticket. */
  closed(): void {
    this.#state = "closed";
    if (this.#terminal === undefined) return;
    this.#deps.registry.remove(this.#terminal);
    this.#deps.log.info({ terminal: this.#terminal.id, endpoint: this.#terminal.endpoint }, "terminal left");
    this.#terminal = undefined;
  }

  async #handle(message: TerminalMessage): Promise<void> {
    if (this.#state === "closed") return;
    try {
      if (message.type === "hello") await this.#hello(message);
      else if (this.#terminal === undefined) this.#refuse(refusal("bad-message", `found ${message.type} before hello`));
      else await this.#handleOpen(message, this.#terminal);
    } catch (error) {
      this.#deps.log.error({ err: error, type: message.type }, "handling a control message failed");
      this.#end("internal error");
    }
  }

  async #handleOpen(message: Exclude<TerminalMessage, Hello>, terminal: ConnectedTerminal): Promise<void> {
    switch (message.type) {
      case "heartbeat":
        return this.#heartbeat(message, terminal);
      case "index":
        return this.#index(message, terminal);
      case "want":
        return this.#send(await this.#deps.saves.answerWant(message, terminal));
      case "stored":
        return terminal.noteStored(message.objectId, message.headersId);
      case "failed":
        this.#deps.log.warn({ terminal: terminal.id, ...message }, "terminal could not save an object");
        return terminal.noteFailed(message.objectId, this.#deps.clock.nowMs());
      case "claims":
        return await this.#claims(message, terminal);
      case "leave":
        this.#deps.registry.remove(terminal);
        return this.#send({ type: "ok", sequence: 0 });
      default:
        message satisfies never;
    }
  }

  async #hello(hello: Hello): Promise<void> {
    if (this.#state !== "challenged") return this.#refuse(refusal("bad-message", "found a second hello"));
    const checked = checkHello(hello, this.#nonce);
    if ("refused" in checked) return this.#refuse(checked.refused);
    const { terminalId } = checked;
    this.#state = "checking";
    const refused =
      this.#findNoPlace(terminalId) ?? (await this.#deps.dialBack(hello)) ?? this.#findNoPlace(terminalId);
    if (this.#isClosed()) return;
    if (refused !== undefined) return this.#refuse(refused);
    this.#state = "open";
    this.#terminal = new ConnectedTerminal({
      id: terminalId,
      endpoint: hello.endpoint,
      nowMs: this.#deps.clock.nowMs(),
      capacityBytesPerSecond: this.#options.terminalCapacityBytesPerSecond,
      send: (message) => this.#send(message),
    });
    this.#send({
      type: "welcome",
      routerKey: this.#options.routerKey,
      ticketKeys: this.#deps.ticketKeysOf(terminalId),
      edgeScheme: this.#options.edgeScheme,
      heartbeatMs: HEARTBEAT_MS,
      limits: { maxObjectBytes: this.#options.maxObjectBytes },
    });
    this.#deps.registry.add(this.#terminal);
    this.#deps.log.info({ terminal: terminalId, endpoint: hello.endpoint, version: hello.version }, "terminal joined");
  }

  #findNoPlace(terminalId: string): Refusal | undefined {
    const { registry } = this.#deps;
    if (registry.get(terminalId) !== undefined) {
      const message = `Terminal ${terminalId} is already connected; if its key was copied to a second machine, remove it there`;
      return refusal("duplicate", message);
    }
    if (registry.all().length < this.#options.maxTerminals) return undefined;
    return refusal("full", `this Router has its ${this.#options.maxTerminals} Terminals; try another Router`);
  }

  #heartbeat(message: TerminalFrame<"heartbeat">, terminal: ConnectedTerminal): void {
    terminal.report = message;
    this.#send({ type: "ok", sequence: message.sequence });
    const drifted = message.indexDigest !== terminal.expectedIndexDigest;
    const requestId = this.#indexPages.requestIf(drifted, this.#deps.clock.nowMs());
    if (requestId !== undefined) this.#send({ type: "index.request", id: requestId });
  }

  #index(message: TerminalFrame<"index">, terminal: ConnectedTerminal): void {
    const whole = this.#indexPages.add(message);
    if (whole !== undefined) terminal.replaceIndex(whole);
  }

  async #claims(message: TerminalFrame<"claims">, terminal: ConnectedTerminal): Promise<void> {
    const outcome = await this.#deps.meter.claim(terminal.id, message.claims);
    const nowSeconds = Math.floor(this.#deps.clock.nowMs() / 1000);
    for (const { ticket, addedBytes } of outcome.accepted) {
      terminal.tickets.settle(addedBytes, ticket.expiresAt, nowSeconds);
    }
    this.#send({ type: "claims.ack", id: message.id, accepted: outcome.accepted.length, refused: outcome.refused });
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #send(message: RouterMessage): void {
    if (this.#state !== "closed") this.#socket.send(JSON.stringify(message));
  }

  #refuse(refused: Refusal): void {
    this.#deps.log.warn({ code: refused.code, terminal: this.#terminal?.id }, `terminal refused: ${refused.message}`);
    this.#send(refused);
    this.#end(refused.code);
  }

  #end(reason: string): void {
    this.closed();
    this.#socket.close(1008, reason);
  }
}
