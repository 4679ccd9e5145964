import type { Socket, SocketHandler, TCPSocketListener, TLSUpgradeOptions } from "bun";
import { listenError } from "../http/listen-error.ts";
import type { Log } from "../log.ts";
import type { AddressBook } from "./address-book.ts";
import type { Connection } from "./connection.ts";
import { badTls, type TlsPair } from "./tls-pair.ts";
import { WireSocket } from "./wire-socket.ts";

/** RFC 7301 section 3.1: each name with its length before it, the preferred first. */
const ALPN_PROTOCOLS = Buffer.from("\x02h2\x08http/1.1", "latin1");

/** What a listener needs. */
export interface WireListenerOptions {
  hostname: string;
  port: number;
  /** Absent for plain connections. */
  tls: TlsPair | undefined;
  book: AddressBook;
  maxConnections: number;
  log: Log;
  /** Makes the connection that speaks the version agreed on. */
  connect: (socket: WireSocket, version: "h2" | "http/1.1") => Connection;
}

/** Accepts connections, within the limits, and hands each socket's events to its connection. */
export class WireListener {
  /** Every connection that is open. */
  readonly sockets = new Set<WireSocket>();
  readonly port: number;
  readonly #options: WireListenerOptions;
  readonly #listener: TCPSocketListener<Accepted>;
  readonly #handlers: SocketHandler<Accepted>;
  #tls: TlsPair | undefined;

  constructor(options: WireListenerOptions) {
    this.#options = options;
    this.#tls = options.tls;
    this.#handlers = {
      data: (socket, bytes) => socket.data?.receive(bytes),
      drain: (socket) => socket.data?.drained(),
      end: (socket) => socket.data?.finished(),
      close: (socket) => this.#closed(socket),
      error: (socket, error) => this.#failed(socket, error),
      handshake: (socket, isAgreed) => {
        if (isAgreed) this.#agreed(socket);
      },
    };
    this.#listener = this.#listen();
    this.port = this.#listener.port;
  }

  /** Connections that come from now on use this pair. Throws NesonError "bad-tls" (operator) on a server that was started without TLS. */
  useTls(tls: TlsPair): void {
    if (this.#tls === undefined)
      throw badTls("this server was started without a certificate, allowed: a restart with one");
    this.#tls = tls;
  }

  /** Refuses new connections; open ones stay. */
  stopAccepting(): void {
    this.#listener.stop();
  }

  /**
   * The socket that listens is a plain one also for HTTPS: TLS begins on each accepted socket, with the pair of that moment. So another pair needs
   * no other listener, and no client finds the port closed meanwhile. Bun keeps one TLS context per pair, and with it the sessions to resume.
   */
  #listen(): TCPSocketListener<Accepted> {
    const { hostname, port } = this.#options;
    const open = (socket: Socket<Accepted>) => this.#open(socket);
    const isSecure = this.#tls !== undefined;
    const socket = isSecure ? { open, data: ignoreCiphertext } : { ...this.#handlers, open };
    try {
      return Bun.listen<Accepted>({ hostname, port, allowHalfOpen: true, socket });
    } catch (error) {
      throw listenError(error as Error & { code?: string }, hostname, port);
    }
  }

  #open(socket: Socket<Accepted>): void {
    const { book, connect, maxConnections } = this.#options;
    const account = this.sockets.size < maxConnections ? book.connect(socket.remoteAddress) : undefined;
    if (account === undefined) {
      socket.terminate();
      return;
    }
    const isSecure = this.#tls !== undefined;
    const upper = this.#tls === undefined ? socket : this.#startTls(socket, this.#tls);
    const accepted = new WireSocket(upper, account, isSecure);
    upper.data = accepted;
    this.sockets.add(accepted);
    if (!isSecure) accepted.attach(connect(accepted, "http/1.1"));
  }

  #startTls(socket: Socket<Accepted>, tls: TlsPair): Socket<Accepted> {
    // Bun 1.4.5 knows `isServer`; its types do not.
    const upgrade: TLSUpgradeOptions<Accepted> & { isServer: true } = {
      isServer: true,
      tls: { ...tls, ALPNProtocols: ALPN_PROTOCOLS },
      socket: this.#handlers,
    };
    return socket.upgradeTLS<Accepted>(upgrade)[1];
  }

  /** A failed handshake closes the socket by itself. A client without ALPN speaks HTTP/1.1. */
  #agreed(socket: Socket<Accepted>): void {
    const accepted = socket.data;
    if (accepted === undefined) return;
    accepted.attach(this.#options.connect(accepted, socket.alpnProtocol === "h2" ? "h2" : "http/1.1"));
  }

  #closed(socket: Socket<Accepted>): void {
    const accepted = socket.data;
    if (accepted === undefined || !this.sockets.delete(accepted)) return;
    this.#options.book.disconnect(accepted.account);
    accepted.closed();
  }

  /** Called for what a peer's TLS does wrong, and for what a connection throws: then it is a fault of this program. */
  #failed(socket: Socket<Accepted>, error: Error & { code?: string }): void {
    const isPeers = /^ERR_(SSL|OSSL|TLS)/.test(error.code ?? "");
    this.#options.log[isPeers ? "debug" : "error"]({ err: error }, "connection failed");
    socket.terminate();
  }
}

type Accepted = WireSocket | undefined;

function ignoreCiphertext(): void {}
