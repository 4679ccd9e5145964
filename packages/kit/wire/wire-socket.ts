import type { Socket } from "bun";
import type { AddressAccount } from "./address-book.ts";
import type { ByteSink, Connection } from "./connection.ts";

/** A client is given this long to close its side after ours, so that what it still sends does not reset the connection, ms. */
const LINGER_MS = 2000;

/** One accepted socket: what `Bun.listen` calls, turned into what a connection takes. */
export class WireSocket implements ByteSink {
  readonly remoteAddress: string;
  readonly isSecure: boolean;
  /** Where it is counted. */
  readonly account: AddressAccount;
  readonly #socket: Socket<WireSocket | undefined>;
  #connection: Connection | undefined;
  /** True while bytes that were offered wait for the socket. */
  #isBlocked = false;
  #isPaused = false;
  /** True once the client's side is closed. */
  #isHalfClosed = false;
  /** True once our side is closed. */
  #hasEnded = false;
  /** Since when it has no connection, or has ended; -1 until the next inspection. */
  #sinceMs = -1;

  constructor(socket: Socket<WireSocket | undefined>, account: AddressAccount, isSecure: boolean) {
    this.#socket = socket;
    this.account = account;
    this.isSecure = isSecure;
    // Read once: each reading asks the kernel.
    this.remoteAddress = socket.remoteAddress;
  }

  /** Requests that are not answered yet. */
  get open(): number {
    return this.#connection?.open ?? 0;
  }

  /** Gives the socket its connection: at once, or after the TLS handshake, when the version of HTTP is known. */
  attach(connection: Connection): void {
    this.#connection = connection;
  }

  write(bytes: Uint8Array, offset: number): number {
    if (this.#hasEnded) return -1;
    const size = bytes.length - offset;
    // The length is given because Bun 1.4.5 does not subtract the offset from its default.
    const taken = this.#socket.write(bytes, offset, size);
    this.#isBlocked = taken < size;
    return taken;
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#sinceMs = -1;
    this.resume();
    this.#socket.shutdown();
  }

  pause(): void {
    if (this.#isPaused || this.#hasEnded) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  terminate(): void {
    this.#hasEnded = true;
    this.#socket.terminate();
  }

  /** Closes without a wait; what the kernel has is still delivered. */
  close(): void {
    this.#hasEnded = true;
    this.#socket.end();
  }

  receive(bytes: Uint8Array): void {
    if (!this.#hasEnded) this.#connection?.receive(bytes);
  }

  drained(): void {
    this.#isBlocked = false;
    if (this.#hasEnded) return;
    this.#connection?.writable();
    if (this.#isHalfClosed && this.open === 0) this.close();
  }

  /**
   * The client sends no more. One that still has bytes of an answer to come is given them; one that waits for an answer is taken to have left, as
   * nothing else would tell.
   */
  finished(): void {
    this.#isHalfClosed = true;
    if (!this.#isBlocked || this.open === 0) this.close();
  }

  closed(): void {
    this.#hasEnded = true;
    this.#connection?.closed();
  }

  /** The server stops. */
  drain(): void {
    if (this.#connection === undefined) this.close();
    else this.#connection.drain();
  }

  inspect(nowMs: number, handshakeMs: number): void {
    if (this.#connection !== undefined && !this.#hasEnded) {
      this.#connection.inspect(nowMs);
      return;
    }
    if (this.#sinceMs < 0) this.#sinceMs = nowMs;
    else if (nowMs - this.#sinceMs >= (this.#hasEnded ? LINGER_MS : handshakeMs)) this.close();
  }
}
