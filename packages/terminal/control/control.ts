import type { Log } from "@neson/kit/log";
import type { RouterMessage, TerminalMessage } from "@neson/protocol/messages";
import { MAX_INDEX_PAGE } from "@neson/protocol/terminal-messages";
import type { ClaimSender } from "../claim/claim-sender.ts";
import type { Fills } from "../fill/fills.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { ChannelHandlers } from "./channel.ts";
import type { Load } from "./load.ts";
import type { RouterPin } from "./router-pin.ts";
import type { Welcome } from "./session.ts";
import type { Terms } from "./terms.ts";
import type { TicketKeys } from "./ticket-keys.ts";
import type { Wants } from "./wants.ts";

/** How long an interrupted fill waits for the Router's word before the next one is asked about. */
const RESUME_WAIT_MS = 10_000;
const LEAVE_WAIT_MS = 1000;

/** What Control drives. */
export interface ControlDeps {
  send: (message: TerminalMessage) => boolean;
  openTransfers: () => number;
  pin: RouterPin;
  keys: TicketKeys;
  terms: Terms;
  store: ObjectStore;
  fills: Fills;
  wants: Wants;
  claims: ClaimSender;
  load: Load;
  log: Log;
}

/** Acts on what the Router says, and tells it each second how things are. */
export class Control implements ChannelHandlers, Disposable {
  readonly #deps: ControlDeps;
  #heartbeat: NodeJS.Timeout | undefined;
  #sequence = 0;
  #onLeft: (() => void) | undefined;
  #isResuming = false;

  constructor(deps: ControlDeps) {
    this.#deps = deps;
  }

  /** @throws NesonError `wrong-router` */
  async onWelcome(welcome: Welcome): Promise<void> {
    const { pin, keys, terms, log } = this.#deps;
    await pin.check(welcome.routerKey);
    keys.accept(welcome.ticketKeys);
    terms.accept(welcome);
    this.#sequence = 0;
    log.info({ routerKey: welcome.routerKey }, "the Router let this Terminal in");
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#beat(), welcome.heartbeatMs);
    // Once the session counts as open, which is after this returns.
    setImmediate(() => {
      this.#beat();
      this.#resumeFills().catch((error) => log.error({ err: error }, "resuming fills failed"));
    });
  }

  onMessage(message: RouterMessage): void {
    try {
      this.#act(message);
    } catch (error) {
      this.#deps.log.error({ err: error, type: message.type }, "acting on the Router's message failed");
    }
  }

  onOffline(): void {
    clearInterval(this.#heartbeat);
    this.#deps.wants.offline();
    this.#deps.claims.offline();
    this.#onLeft?.();
  }

  /** Tells the Router to send nobody any more; resolves when it has heard, or after a second. */
  async leave(): Promise<void> {
    if (!this.#deps.send({ type: "leave" })) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LEAVE_WAIT_MS);
      this.#onLeft = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat);
  }

  #act(message: RouterMessage): void {
    const { fills, wants, keys, claims, log } = this.#deps;
    switch (message.type) {
      case "save":
        fills.save(message);
        if (message.id !== undefined) wants.answer(message.id, "save");
        return;
      case "nothing":
        wants.answer(message.id, "nothing");
        return;
      case "delete":
        fills.delete(message.objectId, message.headersId, message.reason);
        return;
      case "keys":
        keys.accept(message.ticketKeys);
        return;
      case "index.request":
        this.#sendIndex(message.id);
        return;
      case "claims.ack":
        claims.acknowledge(message);
        return;
      case "ok":
        this.#onLeft?.();
        return;
      case "drain":
        log.info("the Router sends nobody here any more; finishing what is open");
        return;
      case "challenge":
      case "welcome":
      case "refused":
        log.warn({ type: message.type }, "dropped a message of the handshake after its end");
        return;
      default:
        message satisfies never;
    }
  }

  #beat(): void {
    const { store, load, send, openTransfers } = this.#deps;
    const { egressBytesPerSecond, cpuLoad, freeMemoryBytes } = load.sample();
    send({
      type: "heartbeat",
      sequence: this.#sequence++,
      openTransfers: openTransfers(),
      egressBytesPerSecond,
      cpuLoad,
      freeMemoryBytes,
      remainingBytes: store.remainingBytes,
      quotaBytes: store.quotaBytes,
      objectCount: store.servedCount,
      indexDigest: store.indexDigest,
    });
  }

  #sendIndex(id: string): void {
    const pairs = [...this.#deps.store.pairs()];
    const pages = Math.max(1, Math.ceil(pairs.length / MAX_INDEX_PAGE));
    for (let page = 0; page < pages; page++) {
      const objects = pairs.slice(page * MAX_INDEX_PAGE, (page + 1) * MAX_INDEX_PAGE);
      this.#deps.send({ type: "index", id, page, pages, objects });
    }
  }

  /** Asks the Router about fills that a crash or a bad source cut off; what it does not have any more is given up. */
  async #resumeFills(): Promise<void> {
    if (this.#isResuming) return;
    this.#isResuming = true;
    try {
      for (const object of this.#deps.fills.interrupted()) {
        const [headersId] = object.headerSets.keys();
        const outcome =
          headersId === undefined ? "nothing" : await this.#deps.wants.ask(object.objectId, headersId, RESUME_WAIT_MS);
        if (outcome === "offline") return;
        if (outcome === "nothing" && object.state === "partial" && !object.isFilling) this.#deps.store.remove(object);
      }
    } finally {
      this.#isResuming = false;
    }
  }
}
