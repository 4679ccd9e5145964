import { NesonError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { MAX_FRAME_BYTES } from "@neson/protocol/messages";
import { type ChannelDeps, type ChannelOptions, TerminalChannel } from "../registry/channel.ts";
import { answerFill, type FillDeps } from "../registry/fills.ts";
import type { Dispatch } from "./dispatch.ts";
import { type MetricsDeps, metricsAnswerer } from "./metrics-path.ts";
import { answerSpeed, type SpeedDeps } from "./speed.ts";

const TICK_MS = 500;
/** Seconds without any byte after which the transport gives a connection up; the channel itself notices far sooner. */
const TRANSPORT_IDLE_SECONDS = 30;
/** More than the largest body anyone has to send here, a measurement's. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

interface ConnectionData {
  channel: TerminalChannel | undefined;
}

/** A listening control port; disposing it closes every channel. */
export interface ControlListener extends AsyncDisposable {
  port: number;
  hostname: string;
}

/** What the users of the control port need. */
export interface ControlListenerDeps {
  channel: ChannelDeps;
  fill: FillDeps;
  speed: SpeedDeps;
  /** Install scripts and downloads; undefined for paths that are neither. */
  releases: { answer(request: Request, path: string): Response | undefined };
  /** Answers everything under /api/v1. */
  api: Dispatch;
  metrics: MetricsDeps;
  log: Log;
}

/**
 * Listens for Terminals (`/v1/terminal`, a WebSocket), their fills (`/v1/fill/…`) and measurements (`/v1/speed/…`), those
 * who install one (`/install.sh`, `/download/…`), and whoever has a key (`/api/v1/…`).
 * @throws NesonError `port-in-use` or `cannot-listen` (operator)
 */
export function listenForControl(
  options: { hostname: string; port: number; channel: ChannelOptions; fillKey: Uint8Array },
  deps: ControlListenerDeps,
): ControlListener {
  const channels = new Set<TerminalChannel>();
  const server = serve(options, deps, channels);
  const ticking = setInterval(() => {
    for (const channel of channels) channel.tick();
  }, TICK_MS);
  const rotating = sendKeysDaily(channels, deps);
  return {
    port: server.port ?? options.port,
    hostname: options.hostname,
    [Symbol.asyncDispose]: async () => {
      clearInterval(ticking);
      clearInterval(rotating);
      for (const channel of channels) channel.stopping();
      await server.stop(true);
    },
  };
}

function serve(
  options: Parameters<typeof listenForControl>[0],
  deps: ControlListenerDeps,
  channels: Set<TerminalChannel>,
): Bun.Server<ConnectionData> {
  const answerMetrics = metricsAnswerer(deps.metrics, deps.api);
  try {
    return Bun.serve<ConnectionData>({
      hostname: options.hostname,
      port: options.port,
      idleTimeout: TRANSPORT_IDLE_SECONDS,
      maxRequestBodySize: MAX_BODY_BYTES,
      fetch: (request, server) => {
        const path = URL.parse(request.url)?.pathname;
        // The URL is made of the Host field, which may be anything (RFC 9112, section 3.2).
        if (path === undefined) return new Response("400: Host is not a host name\n", { status: 400 });
        if (path === "/v1/terminal") {
          if (server.upgrade(request, { data: { channel: undefined } })) return undefined;
          return new Response("this is the Terminals' WebSocket\n", { status: 426, headers: { Upgrade: "websocket" } });
        }
        if (path.startsWith("/v1/fill/")) return answerFill(request, path, options.fillKey, deps.fill);
        if (path.startsWith("/v1/speed/")) return answerSpeed(request, path, deps.speed);
        if (path.startsWith("/api/v1/") || path === "/metrics") {
          const address = server.requestIP(request)?.address ?? "unknown";
          const connection = { address, keepOpen: () => server.timeout(request, 0) };
          return path === "/metrics" ? answerMetrics(request, connection) : deps.api(request, connection);
        }
        const notFound = () => new Response("not found: this is a Router's control listener\n", { status: 404 });
        return deps.releases.answer(request, path) ?? notFound();
      },
      websocket: {
        maxPayloadLength: MAX_FRAME_BYTES,
        idleTimeout: TRANSPORT_IDLE_SECONDS,
        open: (socket) => {
          const channel = new TerminalChannel(
            { send: (text) => void socket.send(text), close: (code, reason) => socket.close(code, reason) },
            options.channel,
            deps.channel,
          );
          socket.data.channel = channel;
          channels.add(channel);
        },
        // A binary frame is as malformed as text that is not JSON, and is told so.
        message: (socket, frame) => socket.data.channel?.receive(typeof frame === "string" ? frame : ""),
        close: (socket) => {
          const { channel } = socket.data;
          if (channel === undefined) return;
          channels.delete(channel);
          channel.closed();
        },
      },
    });
  } catch (error) {
    throw listenError(error, options);
  }
}

/** Why the port could not be opened, as far as the operator can help it. */
function listenError(error: unknown, { hostname, port }: { hostname: string; port: number }): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const place = `${hostname}:${port}`;
  if (code === "EADDRINUSE") {
    const message = `cannot listen on ${place} for Terminals: another program uses this port; stop it or choose another with --control-port`;
    return new NesonError("port-in-use", message, { fault: "operator", cause: error });
  }
  if (code !== "EADDRNOTAVAIL" && code !== "EACCES") return error;
  const message = `cannot listen on ${place} for Terminals; allowed: an address of this machine (--control-host) and a port this user may open (--control-port)`;
  return new NesonError("cannot-listen", message, { fault: "operator", cause: error });
}

const KEY_CHECK_MS = 30_000;
const DAY_MS = 86_400_000;

function sendKeysDaily(channels: Set<TerminalChannel>, deps: ControlListenerDeps): NodeJS.Timeout {
  let day = Math.floor(deps.channel.clock.nowMs() / DAY_MS);
  return setInterval(() => {
    const today = Math.floor(deps.channel.clock.nowMs() / DAY_MS);
    if (today === day) return;
    day = today;
    for (const channel of channels) channel.sendKeys();
  }, KEY_CHECK_MS);
}
