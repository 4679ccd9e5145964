import http2, { type ClientHttp2Session } from "node:http2";
import { isIP } from "node:net";
import tls, { type TLSSocket } from "node:tls";
import type { Clock } from "@neson/kit/clock";
import type { Site } from "../sites/site.ts";
import type { Address } from "./resolver.ts";
import type { Target } from "./targets.ts";

/** ALPN identifiers in order of preference, as the wire has them (RFC 7301 3.1): each after its length. */
const PROTOCOLS = Buffer.from("\x02h2\x08http/1.1");
/** An origin that chose HTTP/1.1 is asked again whether it knows HTTP/2. */
const REMEMBERED_MS = 600_000;
/** A session without requests is closed. */
const IDLE_MS = 30_000;

/** What a session is opened to. */
export interface SessionPlace {
  site: Site;
  target: Target;
  addresses: Address[];
  connectMs: number;
}

/** HTTP/2 connections to origins, one for each and kept for the next request, where the origin chooses HTTP/2. */
export class Http2Sessions implements Disposable {
  readonly #clock: Clock;
  readonly #sessions = new Map<string, Promise<ClientHttp2Session | undefined>>();
  readonly #withoutUntilMs = new Map<string, number>();

  constructor(deps: { clock: Clock }) {
    this.#clock = deps.clock;
  }

  /** A connection on which a request can be made; undefined when the origin prefers HTTP/1.1. Rejects when there is no connection in time. */
  async open(place: SessionPlace): Promise<ClientHttp2Session | undefined> {
    const id = idOf(place);
    if ((this.#withoutUntilMs.get(id) ?? 0) > this.#clock.nowMs()) return undefined;
    for (;;) {
      const known = this.#sessions.get(id);
      if (known === undefined) break;
      const session = await known;
      if (session === undefined || isUsable(session)) return session;
      if (this.#sessions.get(id) === known) this.#sessions.delete(id);
    }
    const opening = this.#connect(id, place);
    this.#sessions.set(id, opening);
    opening.catch(() => this.#sessions.delete(id));
    return opening;
  }

  [Symbol.dispose](): void {
    for (const opening of this.#sessions.values()) {
      opening.then(
        (session) => session?.destroy(),
        () => {},
      );
    }
    this.#sessions.clear();
  }

  async #connect(id: string, place: SessionPlace): Promise<ClientHttp2Session | undefined> {
    const socket = await dial(place);
    if (socket.alpnProtocol !== "h2") {
      socket.destroy();
      this.#withoutUntilMs.set(id, this.#clock.nowMs() + REMEMBERED_MS);
      this.#sessions.delete(id);
      return undefined;
    }
    const session = http2.connect(`https://${place.target.hostField}`, { createConnection: () => socket });
    // Its streams tell their requests; a session without any has nobody to tell.
    session.on("error", () => {});
    session.setTimeout(IDLE_MS, () => session.close());
    session.unref();
    return session;
  }
}

/** Kept apart as `Pools` does. */
function idOf({ site, target }: SessionPlace): string {
  return [
    site.allowPrivateOrigin ? "open" : "guarded",
    site.origins.authorities ?? "",
    target.serverName,
    target.url,
  ].join(" ");
}

function isUsable(session: ClientHttp2Session): boolean {
  return !session.closed && !session.destroyed;
}

function dial({ site, target, addresses, connectMs }: SessionPlace): Promise<TLSSocket> {
  const { origin, serverName } = target;
  const { authorities } = site.origins;
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      host: origin.hostname,
      port: origin.port,
      ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
      ...(authorities === undefined ? {} : { ca: authorities }),
      ALPNProtocols: PROTOCOLS,
      lookup: (_hostname, wanted, callback) => {
        const [first] = addresses as [Address];
        if (wanted.all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
    });
    const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${connectMs} ms`)), connectMs);
    socket.once("close", () => {
      clearTimeout(timer);
      reject(new Error("the connection was closed before it was set up"));
    });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}
