import { httpUrlOf } from "@neson/kit/address";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { lockDirectory } from "@neson/kit/files";
import { serveHttp } from "@neson/kit/http/server";
import type { ReadyService } from "@neson/kit/lifecycle";
import type { Log } from "@neson/kit/log";
import { terminalIdOf } from "@neson/protocol/identity";
import { ClaimRows } from "./claim/claim-rows.ts";
import { ClaimSender } from "./claim/claim-sender.ts";
import { Ledger } from "./claim/ledger.ts";
import type { TerminalConfig } from "./config.ts";
import { Channel } from "./control/channel.ts";
import { Control } from "./control/control.ts";
import { openIdentity } from "./control/identity-file.ts";
import { hardware, Load } from "./control/load.ts";
import { RouterPin } from "./control/router-pin.ts";
import { Terms } from "./control/terms.ts";
import { TicketKeys } from "./control/ticket-keys.ts";
import { Wants } from "./control/wants.ts";
import { FILL_LIMITS, type FillLimits } from "./fill/fill.ts";
import { Fills } from "./fill/fills.ts";
import packageJson from "./package.json";
import { createServe } from "./serve/serve.ts";
import { openIndex } from "./store/index-database.ts";
import { openLayout } from "./store/layout.ts";
import { MemoryCache } from "./store/memory-cache.ts";
import { ObjectRows } from "./store/object-rows.ts";
import { ObjectStore } from "./store/object-store.ts";
import { Settings } from "./store/settings.ts";
import { StartCheck } from "./store/start-check.ts";
import { flushUseRegularly } from "./store/use-flusher.ts";

/** What a Terminal takes from outside. */
export interface TerminalDeps {
  clock: Clock;
  log: Log;
  /** In [0, 1). */
  random: () => number;
  /** Bounds of a fill; FILL_LIMITS when absent. */
  fillLimits?: FillLimits;
}

/** A running Terminal. Disposing it leaves the Router, finishes open transfers and hands in the last claims. */
export interface Terminal extends ReadyService {
  ready: { url: string; terminalId: string; pid: number };
  /** Resolves once everything that was stored before the start has been checked. */
  checked: Promise<void>;
  /** True while a Router has it in. */
  isConnected(): boolean;
}

/**
 * Starts a Terminal; it serves as soon as this resolves, and connects to its Router by itself for as long as it runs.
 *
 * @throws NesonError (operator) for a data directory in use, a port in use, an unusable index, key or endpoint
 */
export async function startTerminal(config: TerminalConfig, deps: TerminalDeps): Promise<Terminal> {
  const { clock, log, random } = deps;
  await using parts = new AsyncDisposableStack();
  const { layout, index, memory, store, startCheck } = openStorage(config, deps, parts);
  const identity = openIdentity(config.dataDir);
  const terminalId = terminalIdOf(identity.publicKey);
  const pin = new RouterPin(config.dataDir, config.routerKey);
  const settings = new Settings(index);
  const keys = new TicketKeys(settings, clock);
  const terms = new Terms(settings);
  const load = new Load(clock);
  const ledger = new Ledger(new ClaimRows(index));

  const channel = parts.use(new Channel({ identity, clock, log, random }));
  const { send } = channel;
  const wants = new Wants({ send, clock });
  const claims = parts.use(new ClaimSender({ ledger, send, clock, log }));
  const common = { layout, store, startCheck, terms, clock, log, onBytes: load.noteSent };
  const limits = deps.fillLimits ?? FILL_LIMITS;
  const fills = parts.use(new Fills({ ...common, limits, random, routerKey: () => pin.key, report: send }));
  const handle = createServe({ ...common, identity, terminalId, keys, ledger, memory, fills, wants, report: send });
  const openTransfers = () => server.openTransfers();
  const control = parts.use(
    new Control({ send, openTransfers, pin, keys, terms, store, fills, wants, claims, load, log }),
  );
  // Stopped before all of the above: what is open finishes while the Router still hears of it, then come the last claims.
  const { listenHost: hostname, listenPort: port } = config;
  const server = parts.use(await serveHttp({ hostname, port, handle, log, clock }));
  parts.defer(() => control.leave());

  const endpoint = config.endpoint ?? endpointOf(config.listenHost, server.port);
  startCheck.start();
  claims.start();
  const introduction = { channelUrl: channelUrlOf(config.routerUrl), endpoint, version: packageJson.version };
  channel.connect({ ...introduction, hardware: hardware(config.quotaBytes) }, control);
  log.info({ url: endpoint, terminalId, port: server.port }, "serving");

  const running = parts.move();
  return {
    ready: { url: endpoint, terminalId, pid: process.pid },
    checked: startCheck.done,
    isConnected: () => channel.isOpen,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The parts that keep things on disk; the lock comes first, so that no other process ever works beside this one. */
function openStorage(config: TerminalConfig, { clock, log }: TerminalDeps, parts: AsyncDisposableStack) {
  parts.use(lockDirectory(config.dataDir));
  const layout = openLayout(config.dataDir);
  const index = openIndex(layout.indexPath, { clock, log });
  parts.defer(() => index.close());
  const memory = new MemoryCache(config.memoryBytes);
  const store = new ObjectStore(config.quotaBytes, { layout, rows: new ObjectRows(index), memory, clock, log });
  parts.use(flushUseRegularly(store, log));
  const startCheck = parts.use(new StartCheck(config.checkBytesPerSecond, { store, layout, clock, log }));
  return { layout, index, memory, store, startCheck };
}

function endpointOf(listenHost: string, port: number): string {
  if (listenHost === "0.0.0.0" || listenHost === "::") {
    const message = `option --endpoint: found nothing, allowed: the URL that viewers reach this Terminal at (it listens on every address, ${listenHost})`;
    throw new NesonError("bad-option", message, { fault: "operator" });
  }
  return new URL(httpUrlOf(listenHost, port)).origin;
}

function channelUrlOf(routerUrl: string): string {
  return new URL("/v1/terminal", routerUrl.replace(/^http/, "ws")).href;
}
