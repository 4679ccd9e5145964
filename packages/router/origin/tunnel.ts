import type { Duplex } from "node:stream";
import { NesonError } from "@neson/kit/error";
import type { OriginTunnel } from "./origin-client.ts";

/** What the client sent last may still go out for so long after it has left. */
const LINGER_MS = 2000;

/** The connection to an origin after both have changed its protocol (RFC 9110 7.8). */
export class Tunnel {
  readonly #socket: Duplex;
  readonly #head: Uint8Array;
  readonly #name: string;
  readonly #idle: Timer;
  #isJoined = false;
  /** True once its end is wanted, or nobody's failure. */
  #isEnding = false;
  /** Bytes to the origin, and from it. */
  sentBytes = 0;
  receivedBytes = 0;
  /** Resolves when the connection is closed. */
  readonly over: Promise<void>;

  constructor({ socket, head, name }: OriginTunnel, { idleMs }: { idleMs: number }) {
    this.#socket = socket;
    this.#head = head;
    this.#name = name;
    // Whoever reads hears of errors from the iterator.
    socket.on("error", () => {});
    this.over = new Promise((resolve) => {
      if (socket.destroyed) resolve();
      else socket.once("close", () => resolve());
    });
    this.#idle = setTimeout(() => {
      this.#isEnding = true;
      socket.destroy();
    }, idleMs);
    this.over.then(() => clearTimeout(this.#idle));
  }

  /**
   * Joins both ends; call it once. What the origin sends, until either end closes; meanwhile what the client sends goes to the origin. Each side is
   * read only as fast as the other takes it. Throws NesonError `origin-cut-short` (peer) when the origin breaks off.
   */
  join(client: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const blocks = this.#received(client);
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => blocks.next(),
        // Not the generator's own return(), which waits for a read under way.
        return: async () => {
          this.close();
          return { done: true, value: undefined };
        },
      }),
    };
  }

  /** The client has left. What it sent before still goes out. */
  close(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    clearTimeout(this.#idle);
    if (!this.#isJoined) {
      this.#socket.destroy();
      return;
    }
    const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    timer.unref();
    this.over.then(() => clearTimeout(timer));
  }

  async *#received(client: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.#isJoined = true;
    this.#send(client);
    if (this.#head.length > 0) yield this.#counted(this.#head);
    try {
      for await (const block of this.#socket as AsyncIterable<Uint8Array>) yield this.#counted(block);
    } catch (cause) {
      if (this.#isEnding) return;
      const message = `origin ${this.#name}: the connection broke off after its protocol was changed`;
      throw new NesonError("origin-cut-short", message, { fault: "peer", cause });
    }
  }

  /** Never rejects. */
  async #send(client: AsyncIterable<Uint8Array>): Promise<void> {
    const socket = this.#socket;
    try {
      for await (const block of client) {
        if (socket.destroyed || socket.writableEnded) return;
        this.sentBytes += block.length;
        this.#idle.refresh();
        if (socket.write(block)) continue;
        await Promise.race([new Promise<void>((resolve) => socket.once("drain", resolve)), this.over]);
      }
      socket.end();
    } catch {
      // The client broke off: so does this end, for its last bytes may be missing.
      socket.destroy();
    }
  }

  #counted(block: Uint8Array): Uint8Array {
    this.receivedBytes += block.length;
    this.#idle.refresh();
    return block;
  }
}
