import { DeliverPolicy, type JetStreamClient, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { describeError } from "@neson/kit/error";
import { backoffMs } from "@neson/kit/retry";
import type { Bus, BusHandlers } from "./bus.ts";
import { type Frame, openFrame, sealFrame } from "./frame.ts";
import { isSignal, type Notice, type Signal } from "./message.ts";
import { continueFrom, openStream, type Position, type StreamNames, streamNamesOf } from "./nats-stream.ts";
import type { NatsServers } from "./nats-urls.ts";
import { Outbox } from "./outbox.ts";
import { type DeliveryDeps, deliver, resync } from "./resync.ts";

const RECONNECT = { baseMs: 100, maxMs: 2000 } as const;
const CONNECT_MS = 3000;
const ANSWER_MS = 3000;
/** A server that is silent for two of these is gone. */
const PING_MS = 2000;
/** Notices on their way to this Router at a time. */
const READ_AHEAD = 100;

/** Where the Routers of a network meet. */
export interface NatsBusOptions {
  servers: NatsServers;
  routerId: string;
  /** Hex digits that only Routers of this network share: what others say on the same servers is not heard. */
  network: string;
  /** 32 bytes that only Routers of this network have. */
  key: Uint8Array;
}

/**
 * A bus on NATS JetStream: notices are kept in a stream, signals are not. It connects for as long as it runs, with jitter between the tries; after each
 * connection it reads on where it was, or has everything read again when the stream does not reach back so far.
 */
export class NatsBus implements Bus {
  readonly routerId: string;
  readonly #options: NatsBusOptions;
  readonly #deps: DeliveryDeps;
  readonly #names: StreamNames;
  readonly #outbox = new Outbox();
  readonly #stop = new AbortController();
  #connection: NatsConnection | undefined;
  #position: Position | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: NatsBusOptions, deps: DeliveryDeps) {
    this.routerId = options.routerId;
    this.#options = options;
    this.#deps = deps;
    this.#names = streamNamesOf(options.network);
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  start(handlers: BusHandlers): void {
    this.#loop = this.#run(handlers);
  }

  publish(notice: Notice): void {
    this.#outbox.add(notice);
  }

  signal(signal: Signal): void {
    try {
      this.#connection?.publish(this.#names.signals, this.#seal(signal));
    } catch {
      // It has just closed: whoever listened hears the next one.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handIn();
    this.#stop.abort();
    await this.#loop;
  }

  async #run(handlers: BusHandlers): Promise<void> {
    const { clock, log, random } = this.#deps;
    const { signal } = this.#stop;
    let isQuiet = false;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#session(handlers, () => {
          attempt = 0;
          isQuiet = false;
        });
      } catch (error) {
        // Said once, however long it lasts.
        if (!isQuiet && !signal.aborted)
          log.error(`out of touch with NATS: ${describeError(error)}; this Router goes on alone`);
        isQuiet = true;
      }
      const pauseMs = backoffMs(attempt, { ...RECONNECT, random });
      await clock.sleep(pauseMs, signal).catch(() => {});
    }
  }

  /** One connection, from dialling to its end. */
  async #session(handlers: BusHandlers, onOpen: () => void): Promise<void> {
    const { servers, routerId } = this.#options;
    const connection = await connect({
      servers: servers.urls,
      ...servers.login,
      ...(servers.urls.some((url) => url.startsWith("tls:")) ? { tls: {} } : {}),
      name: `neson-router-${routerId}`,
      ...{ reconnect: false, timeout: CONNECT_MS, pingInterval: PING_MS, maxPingOut: 2 },
    });
    const over = new AbortController();
    const end = () => over.abort();
    this.#stop.signal.addEventListener("abort", end, { once: true });
    try {
      await this.#join(connection, handlers, over.signal);
      onOpen();
      const closed = connection.closed().then((error) => {
        throw error instanceof Error ? error : new Error("the connection closed");
      });
      const stopped = new Promise<void>((resolve) => over.signal.addEventListener("abort", () => resolve()));
      const client = jetstream(connection, { timeout: ANSWER_MS });
      const reading = this.#read(client, handlers, over.signal);
      const sending = this.#send(client, over.signal);
      // Whichever ends first ends the others; of what they say then nobody has to hear.
      for (const work of [closed, reading, sending]) work.catch(() => {});
      await Promise.race([closed, reading, sending, stopped]);
    } finally {
      this.#connection = undefined;
      this.#stop.signal.removeEventListener("abort", end);
      over.abort();
      await connection.close().catch(() => {});
    }
  }

  /** Finds the place in the stream and begins to hear signals. */
  async #join(connection: NatsConnection, handlers: BusHandlers, signal: AbortSignal): Promise<void> {
    const manager = await jetstreamManager(connection, { timeout: ANSWER_MS });
    const { position, gap } = continueFrom(this.#position, await openStream(manager, this.#names));
    connection.subscribe(this.#names.signals, {
      callback: (error, message) => {
        const frame = error === null ? this.#open(message.string()) : undefined;
        if (frame !== undefined) this.#hear(frame, handlers);
      },
    });
    this.#connection = connection;
    this.#deps.log.info(
      { routerId: this.routerId, sequence: position.sequence, gap },
      "in touch with the other Routers",
    );
    // What is read again may be newer than the position, never older: notices after it are acted on once more than needed, not once less.
    if (gap !== undefined) await resync(handlers, gap, signal, this.#deps);
    if (!signal.aborted) this.#position = position;
  }

  async #read(client: JetStreamClient, handlers: BusHandlers, signal: AbortSignal): Promise<void> {
    const position = this.#position;
    if (position === undefined) return;
    const consumer = await client.consumers.get(this.#names.stream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: position.sequence + 1,
    });
    const messages = await consumer.consume({ max_messages: READ_AHEAD });
    signal.addEventListener("abort", () => messages.stop(), { once: true });
    for await (const message of messages) {
      if (signal.aborted) return;
      const frame = this.#open(message.string());
      if (frame !== undefined && frame.from !== this.routerId) await this.#take(frame, handlers, signal);
      // Only now: what was broken off is read again.
      if (!signal.aborted) this.#position = { ...position, sequence: message.seq };
    }
    throw new Error("the stream ended");
  }

  async #take({ message, from }: Frame, handlers: BusHandlers, signal: AbortSignal): Promise<void> {
    if (!isSignal(message)) await deliver(handlers, message, from, signal, this.#deps);
  }

  async #send(client: JetStreamClient, signal: AbortSignal): Promise<void> {
    for (;;) {
      const waiting = await this.#outbox.next(signal);
      if (waiting === undefined) return;
      await client.publish(this.#names.notices, this.#seal(waiting.notice), {
        msgID: `${this.routerId}-${waiting.number}`,
        timeout: ANSWER_MS,
      });
      this.#outbox.sent(waiting);
    }
  }

  /** Waits a moment for what is still to be sent. */
  async #handIn(): Promise<void> {
    const { clock } = this.#deps;
    for (let look = 0; look < 20 && this.isConnected && this.#outbox.size > 0; look++) await clock.sleep(50);
  }

  #hear({ message, from }: Frame, handlers: BusHandlers): void {
    if (from === this.routerId) return;
    if (isSignal(message)) handlers.signal(message, from);
  }

  #seal(message: Notice | Signal): string {
    return sealFrame({ from: this.routerId, message }, this.#options.key);
  }

  #open(text: string): Frame | undefined {
    const opened = openFrame(text, this.#options.key);
    if (opened.ok) return opened.frame;
    this.#deps.log.warn({ why: opened.why }, "dropped a message of the bus");
    return undefined;
  }
}
