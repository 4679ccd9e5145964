import http from "node:http";
import https from "node:https";
import type { Site } from "../sites/site.ts";

/** Connections kept for the next request, to one origin. */
const MAX_IDLE = 32;
/** Below what servers usually allow, so that a request seldom meets a connection that is just being closed. */
const IDLE_MS = 4000;

/** Connections of one kind. */
export type Pool = Record<"http" | "https", http.Agent>;

/**
 * Connections to origins, used again. Kept apart where they must not be mixed: one that a site may have to a private address must not carry another
 * site's request, nor one that an authority of its own vouched for; and each limit of connections counts its own.
 */
export class Pools implements Disposable {
  readonly #pools = new Map<string, Pool>();

  /** The connections for a site. */
  for({ allowPrivateOrigin, origins }: Site, maxConnections: number): Pool {
    const id = `${allowPrivateOrigin ? "open" : "guarded"} ${maxConnections} ${origins.authorities ?? ""}`;
    let pool = this.#pools.get(id);
    if (pool === undefined) {
      const options = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: MAX_IDLE, timeout: IDLE_MS };
      pool = { http: new http.Agent(options), https: new https.Agent(options) };
      this.#pools.set(id, pool);
    }
    return pool;
  }

  [Symbol.dispose](): void {
    for (const { http, https } of this.#pools.values()) {
      http.destroy();
      https.destroy();
    }
    this.#pools.clear();
  }
}
