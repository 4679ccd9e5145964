import type { Log } from "@neson/kit/log";
import type { RouterMessage, TerminalMessage } from "@neson/protocol/messages";
import type { Release } from "@neson/protocol/release";
import type { Standing } from "@neson/protocol/standing";
import type { ClaimSender } from "../claim/claim-sender.ts";
import type { Fills } from "../fill/fills.ts";
import type { Refetch } from "../fill/refetch.ts";
import type { SpeedTest } from "../hardware/speed-test.ts";
import type { Auditor } from "../store/audit.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { ChannelHandlers } from "./channel.ts";
import type { FirstWord } from "./first-word.ts";
import type { IndexSender } from "./index-pages.ts";
import type { Kept } from "./kept.ts";
import type { Load } from "./load.ts";
import type { RouterPin } from "./router-pin.ts";
import type { RouterTime } from "./router-time.ts";
import type { Line, Routers } from "./routers.ts";
import type { Welcome } from "./session.ts";
import type { Terms } from "./terms.ts";
import type { TicketKeys } from "./ticket-keys.ts";
import type { Wants } from "./wants.ts";

const LEAVE_WAIT_MS = 1000;

/** What Control drives. */
export interface ControlDeps {
  /** The Router that this is about, among all of them. */
  line: Line;
  routers: Pick<Routers, "welcomed" | "named" | "left" | "poll">;
  send: (message: TerminalMessage) => boolean;
  openTransfers: () => number;
  pin: RouterPin;
  time: RouterTime;
  keys: TicketKeys;
  terms: Terms;
  firstWord: FirstWord;
  store: ObjectStore;
  fills: Fills;
  refetch: Refetch;
  auditor: Auditor;
  wants: Wants;
  claims: ClaimSender;
  pages: IndexSender;
  speedTest: SpeedTest;
  standing: Kept<Standing>;
  release: Kept<Release>;
  load: Load;
  log: Log;
}

/** Acts on what one Router says, and tells it each second how things are. */
export class Control implements ChannelHandlers, Disposable {
  readonly #deps: ControlDeps;
  #heartbeat: NodeJS.Timeout | undefined;
  #sequence = 0;
  #onLeft: (() => void) | undefined;
  #isDraining = false;

  constructor(deps: ControlDeps) {
    this.#deps = deps;
  }

  /** @throws NesonError `wrong-router` */
  async onWelcome(welcome: Welcome): Promise<void> {
    const { pin, time, keys, terms, refetch, line, routers, log } = this.#deps;
    await pin.check(welcome.routerKey);
    // Before the keys, which are kept or dropped by their day.
    if (welcome.timeMs !== undefined) time.hear(welcome.timeMs);
    keys.accept(welcome.ticketKeys);
    terms.accept(welcome);
    this.#sequence = 0;
    routers.welcomed(line, welcome);
    log.info({ router: line.url, routerKey: welcome.routerKey }, "the Router let this Terminal in");
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#beat(), welcome.heartbeatMs);
    // Once the session counts as open, which is after this returns.
    setImmediate(() => {
      this.#beat();
      // A new session knows nothing of a departure that began on an older one.
      if (this.#isDraining) this.#deps.send({ type: "leave" });
      else refetch.online();
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
    const { line, routers, claims, speedTest } = this.#deps;
    routers.left(line);
    // What was asked of this Router alone is asked again, of whichever is connected then.
    claims.offline();
    speedTest.offline();
    this.#onLeft?.();
  }

  /** Tells the Router to send nobody any more; resolves when it has heard, or after a second. */
  async leave(): Promise<void> {
    this.#isDraining = true;
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
    const { fills, wants, time, keys, claims, routers, line, pages, speedTest, standing, release, log } = this.#deps;
    switch (message.type) {
      case "save":
        fills.save(message);
        if (message.id !== undefined) wants.answer(message.id, "save");
        return;
      case "nothing":
        if (!speedTest.refuse(message.id, message.reason)) wants.answer(message.id, "nothing");
        return;
      case "delete":
        log.info({ objectId: message.objectId, reason: message.reason }, "deleting on the Router's order");
        fills.delete(message.objectId, message.headersId, message.reason);
        return;
      case "purge":
        this.#purge(message);
        return;
      case "keys":
        keys.accept(message.ticketKeys);
        return;
      case "index.request":
        pages.answer(message.id, this.#beat);
        return;
      case "claims.ack":
        claims.acknowledge(message);
        return;
      case "evict.reply":
        routers.poll.reply(line, message.id, message.keep);
        return;
      case "audit":
        this.#answerAudit(message);
        return;
      case "speed.grant":
        speedTest.grant(message);
        return;
      case "standing":
        standing.accept(message);
        return;
      case "update":
        this.#announce(message.release, release);
        return;
      case "routers":
        routers.named(line, message.urls);
        return;
      case "ok":
        if (message.timeMs !== undefined) time.hear(message.timeMs);
        this.#deps.firstWord.noteHeard();
        pages.answered(message.sequence);
        // Every answer but the one to leave, and to the first heartbeat, has another number.
        if (message.sequence === 0) this.#onLeft?.();
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

  #purge({ id, objectIds, reason }: Extract<RouterMessage, { type: "purge" }>): void {
    const { fills, send, log } = this.#deps;
    log.info({ objects: objectIds.length, reason }, "purging on the Router's order");
    for (const objectId of objectIds) fills.delete(objectId, undefined, reason);
    send({ type: "purged", id });
  }

  #answerAudit(audit: Extract<RouterMessage, { type: "audit" }>): void {
    const { auditor, send, log } = this.#deps;
    auditor.answer(audit).then(send, (error) => log.error({ err: error }, "answering a spot check failed"));
  }

  /** Told once for each version; installing it is the operator's decision. */
  #announce(announced: Release, release: Kept<Release>): void {
    if (release.value?.version !== announced.version) {
      const message = `version ${announced.version} is announced; to install it: neson terminal update`;
      this.#deps.log.info({ version: announced.version }, message);
    }
    release.accept(announced);
  }

  /** Sends a heartbeat and gives its sequence number; undefined when there is no open channel. */
  readonly #beat = (): number | undefined => {
    const { store, load, send, openTransfers } = this.#deps;
    const { egressBytesPerSecond, cpuLoad, freeMemoryBytes } = load.read();
    const sequence = this.#sequence++;
    const isSent = send({
      type: "heartbeat",
      sequence,
      openTransfers: openTransfers(),
      egressBytesPerSecond,
      cpuLoad,
      freeMemoryBytes,
      remainingBytes: store.remainingBytes,
      quotaBytes: store.quotaBytes,
      objectCount: store.servedCount,
      indexDigest: store.indexDigest,
      refusesSaves: this.#isDraining ? "draining" : store.refusesSaves,
    });
    return isSent ? sequence : undefined;
  };
}
