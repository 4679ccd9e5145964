import { describeError } from "@neson/kit/error";
import { parseTerminalFrame, type RouterMessage, type TerminalMessage } from "@neson/protocol/messages";
import { isUnavailable } from "../db/database-trouble.ts";
import type { Audits } from "./audits.ts";
import { ConnectedTerminal } from "./connected-terminal.ts";
import type { DialBack } from "./dial-back.ts";
import { checkHello, type Hello, type Refusal, refusal } from "./handshake.ts";
import type { Presence } from "./presence.ts";
import type { PurgeOrders } from "./purge-orders.ts";
import { TerminalDesk, type TerminalDeskDeps } from "./terminal-desk.ts";

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
export interface ChannelDeps extends TerminalDeskDeps {
  dialBack: DialBack;
  audits: Pick<Audits, "answer" | "left">;
  purgeOrders: Pick<PurgeOrders, "answer" | "left" | "beforeWelcome">;
  presence: Presence;
  ticketKeysOf: (terminalId: string) => { day: number; key: string }[];
  challenge: () => string;
  /** Where Terminals reach this Router. */
  controlUrl: () => string;
  /** Routers that share the Terminals. */
  routerCount: () => number;
}

const HEARTBEAT_MS = 1000;
/** A Terminal that sent nothing for this long is gone. */
const SILENCE_MS = 3000;
const HELLO_WITHIN_MS = 10_000;
/** Frames waiting to be worked off; a Terminal that sends faster is cut off. */
const MAX_WAITING_FRAMES = 200;

/** One Terminal's control channel, from challenge to close. */
export class TerminalChannel {
  readonly #socket: Socket;
  readonly #options: ChannelOptions;
  readonly #deps: ChannelDeps;
  readonly #nonce: string;
  readonly #openedAtMs: number;
  #state: "challenged" | "checking" | "open" | "closed" = "challenged";
  #desk: TerminalDesk | undefined;
  #work: Promise<void> = Promise.resolve();
  #waitingFrames = 0;
  /** The Terminal said `leave`, or this Router stops: its going is nothing to hold against it. */
  #isEndExpected = false;

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
    const desk = this.#desk;
    if (desk !== undefined) desk.terminal.lastHeardMs = this.#deps.clock.nowMs();
    if (this.#state === "checking") {
      // Nobody is let in yet: what a stranger sends meanwhile must not pile up in memory.
      this.#refuse(refusal("bad-message", `found ${message.type} before welcome`));
      return;
    }
    // Asked for, and as many as they are: a Terminal with millions of objects has more than 200 of them.
    if (message.type === "index" && desk?.takePage(message) === true) return;
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
    if (this.#desk !== undefined && nowMs - this.#desk.terminal.lastHeardMs > SILENCE_MS) {
      this.#end(`no message for ${SILENCE_MS} ms`);
    } else if (this.#state === "challenged" && nowMs - this.#openedAtMs > HELLO_WITHIN_MS) {
      this.#refuse(refusal("bad-message", `no hello within ${HELLO_WITHIN_MS} ms`));
    }
  }

  /** New ticket keys for a new day. */
  sendKeys(): void {
    if (this.#desk === undefined) return;
    this.#send({ type: "keys", ticketKeys: this.#deps.ticketKeysOf(this.#desk.terminal.id) });
  }

  /** This Router is about to stop. */
  stopping(): void {
    this.#isEndExpected = true;
  }

  /** The connection is gone: from this moment the Terminal gets no ticket. `why` is for people. */
  closed(why = "its connection ended without leave"): void {
    this.#state = "closed";
    const terminal = this.#desk?.terminal;
    if (terminal === undefined) return;
    this.#desk = undefined;
    this.#deps.registry.remove(terminal);
    this.#deps.audits.left(terminal);
    this.#deps.purgeOrders.left(terminal);
    if (!this.#isEndExpected) this.#deps.presence.lost(terminal, why);
    this.#deps.log.info({ terminal: terminal.id, endpoint: terminal.endpoint }, "terminal left");
  }

  async #handle(message: TerminalMessage): Promise<void> {
    if (this.#state === "closed") return;
    try {
      if (message.type === "hello") await this.#hello(message);
      else if (this.#desk === undefined) this.#refuse(refusal("bad-message", `found ${message.type} before hello`));
      else await this.#handleOpen(message, this.#desk);
    } catch (error) {
      // Not its fault, and it serves well meanwhile. What is not acknowledged it says again.
      if (isUnavailable(error)) return this.#deps.log.warn({ err: error, type: message.type }, describeError(error));
      this.#deps.log.error({ err: error, type: message.type }, "handling a control message failed");
      this.#end("internal error");
    }
  }

  async #handleOpen(message: Exclude<TerminalMessage, Hello>, desk: TerminalDesk): Promise<void> {
    if (message.type !== "leave") return await desk.answer(message);
    this.#isEndExpected = true;
    this.#deps.registry.remove(desk.terminal);
    this.#send({ type: "ok", sequence: 0 });
  }

  async #hello(hello: Hello): Promise<void> {
    if (this.#state !== "challenged") return this.#refuse(refusal("bad-message", "found a second hello"));
    const checked = checkHello(hello, this.#nonce);
    if ("refused" in checked) return this.#refuse(checked.refused);
    const { terminalId } = checked;
    this.#state = "checking";
    const refused = this.#findNoPlace(terminalId) ?? (await this.#deps.dialBack(hello));
    if (this.#isClosed()) return;
    if (refused !== undefined) return this.#refuse(refused);
    const tellOfPurges = await this.#deps.purgeOrders.beforeWelcome();
    if (this.#isClosed()) return;
    // Another connection of the same Terminal may have come in meanwhile.
    const late = this.#findNoPlace(terminalId);
    if (late !== undefined) return this.#refuse(late);
    this.#state = "open";
    const terminal = new ConnectedTerminal({
      id: terminalId,
      endpoint: hello.endpoint,
      nowMs: this.#deps.clock.nowMs(),
      capacityBytesPerSecond: this.#options.terminalCapacityBytesPerSecond,
      routerCount: this.#deps.routerCount,
      send: (message) => this.#send(message),
      introduction: { publicKey: hello.publicKey, version: hello.version, hardware: hello.hardware },
    });
    this.#desk = new TerminalDesk(terminal, this.#deps);
    this.#send({
      type: "welcome",
      routerKey: this.#options.routerKey,
      ticketKeys: this.#deps.ticketKeysOf(terminalId),
      edgeScheme: this.#options.edgeScheme,
      heartbeatMs: HEARTBEAT_MS,
      limits: { maxObjectBytes: this.#options.maxObjectBytes },
      url: this.#deps.controlUrl(),
      timeMs: this.#deps.clock.nowMs(),
    });
    this.#deps.registry.add(terminal);
    tellOfPurges(terminal);
    this.#deps.log.info({ terminal: terminalId, endpoint: hello.endpoint, version: hello.version }, "terminal joined");
    this.#deps.presence.joined(terminal);
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

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #send(message: RouterMessage): void {
    if (this.#state !== "closed") this.#socket.send(JSON.stringify(message));
  }

  #refuse(refused: Refusal): void {
    this.#deps.log.warn(
      { code: refused.code, terminal: this.#desk?.terminal.id },
      `terminal refused: ${refused.message}`,
    );
    this.#send(refused);
    this.#end(refused.code);
  }

  #end(reason: string): void {
    this.closed(`cut off: ${reason}`);
    this.#socket.close(1008, reason);
  }
}
