import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { writeFileAtomic } from "@neson/kit/files";
import type { Log } from "@neson/kit/log";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createPage, type Page } from "./page.ts";
import { answerCall, failure, MAX_CALL_BYTES } from "./panel-calls.ts";
import type { PanelActions, PanelSources } from "./sources.ts";
import type { PanelFile } from "./status.ts";
import { createStatus, type ReadStatus } from "./status-of.ts";

const TOKEN_BYTES = 32;

/** Where the panel listens. */
export interface PanelOptions {
  /** A loopback address: the panel has no other guard for what it shows. */
  hostname: string;
  /** 0 takes a free one. */
  port: number;
  /** `panel.json` is written here, readable by its owner only, and removed at the end. */
  dataDir: string;
}

/** What the panel shows and does. */
export interface PanelDeps {
  sources: PanelSources;
  actions: PanelActions;
  clock: Clock;
  log: Log;
}

/** A panel that is being served. */
export interface Panel extends AsyncDisposable, PanelFile {
  /** Without a path. */
  url: string;
  /** Needed by every call that changes something. */
  token: string;
  /** The page with everything that it can change: the token stands after the #, which browsers send to nobody. */
  link: string;
}

interface Parts {
  readStatus: ReadStatus;
  page: Page;
  metrics: Metrics;
  call: (request: Request, name: string) => Promise<Response>;
}

/**
 * Serves the panel: `GET /` the page, `GET /api/status` (`statusSchema`), `GET /metrics` (Prometheus text format 0.0.4), and the calls
 * of `answerCall`.
 *
 * @throws NesonError `port-in-use`, `cannot-listen` (operator), `not-loopback` (bug)
 */
export async function servePanel({ hostname, port, dataDir }: PanelOptions, deps: PanelDeps): Promise<Panel> {
  if (!isLoopback(hostname)) {
    throw new NesonError("not-loopback", `panel: found ${hostname}, allowed: a loopback address`, { fault: "bug" });
  }
  const { sources, actions, clock, log } = deps;
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const leaving = { isAsked: false };
  const readStatus = createStatus(sources, clock, () => leaving.isAsked);
  const watched: PanelActions = {
    setQuota: (bytes) => actions.setQuota(bytes),
    consentToUpdate: (version) => actions.consentToUpdate(version),
    withdrawStorage: () => actions.withdrawStorage(),
    leave: async () => {
      leaving.isAsked = true;
      try {
        await actions.leave();
      } catch (error) {
        leaving.isAsked = false;
        throw error;
      }
    },
  };
  const call = (request: Request, name: string) => answerCall(request, name, { actions: watched, token, log });
  const server = listen(
    hostname,
    port,
    { readStatus, page: createPage(), metrics: createMetrics(readStatus), call },
    log,
  );
  const url = `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${server.port}`;
  const path = join(dataDir, "panel.json");
  try {
    await writeFileAtomic(path, `${JSON.stringify({ url, token }, null, 2)}\n`, 0o600);
  } catch (error) {
    await server.stop(true);
    throw error;
  }
  return {
    url,
    token,
    link: `${url}/#token=${token}`,
    [Symbol.asyncDispose]: async () => {
      rmSync(path, { force: true });
      // What is being answered, such as "it has left", still goes out; connections that are merely kept open do not hold this up.
      const closing = server.stop();
      await Promise.race([closing, clock.sleep(500)]);
      await server.stop(true);
    },
  };
}

function listen(hostname: string, port: number, parts: Parts, log: Log): Bun.Server<undefined> {
  try {
    return Bun.serve({
      hostname,
      port,
      maxRequestBodySize: MAX_CALL_BYTES * 2,
      idleTimeout: 30,
      fetch: async (request, server) => {
        // Leaving may take minutes, in which nothing is sent.
        if (request.method === "POST") server.timeout(request, 0);
        return secured(await answer(request, parts));
      },
      error: (error) => {
        log.error({ err: error }, "the panel failed");
        return secured(failure(500, "internal", "the panel failed; the Terminal's log says why"));
      },
    });
  } catch (error) {
    throw listenError(error, hostname, port);
  }
}

async function answer(request: Request, { readStatus, page, metrics, call }: Parts): Promise<Response> {
  const { pathname } = new URL(request.url);
  // A page of a name that somebody pointed at 127.0.0.1 (DNS rebinding) is no page of this machine.
  if (!isLoopback(hostnameOf(request.headers.get("host") ?? ""))) {
    return failure(421, "wrong-host", "this panel answers on 127.0.0.1 and localhost only");
  }
  if (request.method === "POST" && pathname.startsWith("/api/")) return call(request, pathname.slice("/api/".length));
  if (!PATHS.includes(pathname)) return failure(404, "not-found", `${PATHS.join(", ")} are here`);
  if (request.method !== "GET" && request.method !== "HEAD") {
    const refusal = failure(405, "not-allowed", `${pathname} can only be read`);
    refusal.headers.set("Allow", "GET, HEAD");
    return refusal;
  }
  if (pathname === "/api/status") return Response.json(readStatus());
  if (pathname === "/metrics") return metrics.answer();
  return page.answer(readStatus());
}

const PATHS = ["/", "/api/status", "/metrics"];

/** The host of a Host field, without its port (RFC 9110 section 7.2). */
function hostnameOf(host: string): string {
  return host.replace(/:\d*$/, "");
}

function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase();
  return name === "localhost" || name === "::1" || name === "[::1]" || /^127(\.\d{1,3}){3}$/.test(name);
}

/** No framing, no guessing of types, nothing kept, nothing told to others. */
function secured(response: Response): Response {
  const { headers } = response;
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("X-Frame-Options", "DENY");
  headers.set("Referrer-Policy", "no-referrer");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cache-Control", "no-store");
  if (!headers.has("Content-Security-Policy")) {
    headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  }
  return response;
}

/** Why the port could not be opened, as far as the operator can help it. */
function listenError(error: unknown, hostname: string, port: number): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") {
    const message = `cannot listen on ${hostname}:${port} for the panel: another program uses this port; stop it or choose another with --panel-port`;
    return new NesonError("port-in-use", message, { fault: "operator", cause: error });
  }
  if (code !== "EADDRNOTAVAIL" && code !== "EACCES") return error;
  const message = `cannot listen on ${hostname}:${port} for the panel; allowed: a port that this user may open (--panel-port)`;
  return new NesonError("cannot-listen", message, { fault: "operator", cause: error });
}
