import { httpUrlOf } from "@neson/kit/address";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { lockDirectory } from "@neson/kit/files";
import { serveHttp } from "@neson/kit/http/server";
import type { ReadyService } from "@neson/kit/lifecycle";
import type { Log } from "@neson/kit/log";
import { REPEAT_LIMITS, RepeatGuard } from "@neson/kit/wire/repeat-guard";
import type { TlsFiles } from "@neson/kit/wire/tls-files";
import { terminalIdOf } from "@neson/protocol/identity";
import { releaseSchema } from "@neson/protocol/release";
import { standingSchema } from "@neson/protocol/standing";
import { ClaimRows } from "./claim/claim-rows.ts";
import { ClaimSender } from "./claim/claim-sender.ts";
import { Ledger } from "./claim/ledger.ts";
import type { TerminalConfig } from "./config.ts";
import type { ChannelState } from "./control/channel.ts";
import { Control } from "./control/control.ts";
import { Departure } from "./control/departure.ts";
import { FirstWord } from "./control/first-word.ts";
import { openIdentity } from "./control/identity-file.ts";
import { Kept } from "./control/kept.ts";
import { Load } from "./control/load.ts";
import { RouterPin } from "./control/router-pin.ts";
import { RouterTime } from "./control/router-time.ts";
import { Routers } from "./control/routers.ts";
import { Terms } from "./control/terms.ts";
import { TicketKeys } from "./control/ticket-keys.ts";
import { Evictor } from "./evict/evictor.ts";
import { RankRows } from "./evict/evictor-rank-rows.ts";
import { keepUp } from "./evict/evictor-upkeep.ts";
import { AgedFreq } from "./evict/priority.ts";
import { FILL_LIMITS, type FillLimits } from "./fill/fill.ts";
import { Fills } from "./fill/fills.ts";
import { Refetch } from "./fill/refetch.ts";
import { hardwareWithSpeed } from "./hardware/known-hardware.ts";
import {
  LINK_SPEED_SETTING,
  type LinkSpeed,
  linkSpeedSchema,
  type SpeedOutcome,
  SpeedTest,
} from "./hardware/speed-test.ts";
import { releaseWhenIdle } from "./idle-memory.ts";
import packageJson from "./package.json";
import { servePanel } from "./panel/serve-panel.ts";
import { Traffic } from "./panel/traffic.ts";
import { type PanelParts, panelActions, panelSources } from "./panel-sources.ts";
import { createServe } from "./serve/serve.ts";
import { Auditor } from "./store/audit.ts";
import { BlockPool } from "./store/block-pool.ts";
import { openIndex } from "./store/index-database.ts";
import { openLayout } from "./store/layout.ts";
import { MemoryCache } from "./store/memory-cache.ts";
import { ObjectRows } from "./store/object-rows.ts";
import { ObjectStore } from "./store/object-store.ts";
import { Scrub } from "./store/scrub.ts";
import { Settings } from "./store/settings.ts";
import { StartCheck } from "./store/start-check.ts";
import { openTls } from "./tls.ts";

/** What a Terminal takes from outside. */
export interface TerminalDeps {
  clock: Clock;
  log: Log;
  /** In [0, 1). */
  random: () => number;
  /** Bounds of a fill; FILL_LIMITS when absent. */
  fillLimits?: FillLimits;
  /** Puts the announced version in this program's place; absent where the program cannot be replaced. */
  installUpdate?: (() => Promise<void>) | undefined;
}

/** A running Terminal. Disposing it leaves the Router, finishes open transfers and hands in the last claims. */
export interface Terminal extends ReadyService {
  ready: { url: string; terminalId: string; panelUrl: string; pid: number };
  /** Resolves once everything that was stored before the start has been checked. */
  checked: Promise<void>;
  /** Resolves when its operator has made it leave for good. */
  ended: Promise<void>;
  /** True while a Router has it in. */
  isConnected(): boolean;
  connection(): ChannelState;
  /** Measures the link to the Router, if it grants that and no viewer is being served. Never rejects. */
  measureLink(): Promise<SpeedOutcome>;
}

/** Large blocks for fast transfers of large files, 256 KiB each. */
const MAX_LARGE_BLOCKS = 64;
const MAX_LARGE_BLOCKS_SMALL = 16;

/**
 * Starts a Terminal; it serves as soon as this resolves, and connects to its Router by itself for as long as it runs.
 *
 * @throws NesonError (operator) for a data directory in use, a port in use, an unusable index, key, certificate or endpoint
 */
export async function startTerminal(config: TerminalConfig, deps: TerminalDeps): Promise<Terminal> {
  const { clock, log } = deps;
  await using parts = new AsyncDisposableStack();
  const tls = openTls(config, deps);
  if (tls !== undefined) parts.use(tls);
  const storage = openStorage(config, deps, parts);
  const hardware = await hardwareWithSpeed(config, { settings: storage.settings, clock, log });
  const traffic = parts.use(new Traffic({ database: storage.index, clock, log }));
  const line = openLine(config, deps, storage, parts);
  const { routers, terminalId } = line;
  const upkeep = openUpkeep(config, deps, { ...storage, ...line }, parts);
  const openTransfers = () => server.openTransfers();
  const remember = (speed: LinkSpeed) => line.linkSpeed.accept(speed);
  const speedTest = parts.use(new SpeedTest({ send: routers.send, openTransfers, fetch, remember, clock, log }));
  const driven = { ...storage, ...line, ...upkeep, openTransfers, speedTest, log };

  // Stopped before all of the above: what is open finishes while the Router still hears of it, then come the last claims.
  const served = { ...storage, ...line, ...upkeep, traffic };
  const server = parts.use(await openServer(config, deps, { ...served, tls }));
  parts.use(
    releaseWhenIdle(
      () => openTransfers() > 0 || upkeep.fills.isBusy,
      () => Bun.gc(true),
    ),
  );
  parts.defer(() => routers.leave());

  const endpoint = config.endpoint ?? endpointOf(config, server.port);
  const departure = new Departure({ ...line, announce: () => routers.leave(), openTransfers, clock, log });
  const { version } = packageJson;
  const { dataDir, routerUrls } = config;
  const who = { terminalId, endpoint, version, dataDir, routerUrl: routerUrls[0], startedAtMs: clock.nowMs() };
  const shown = { ...storage, ...line, identity: who, config, traffic, server, departure, hardware, tls };
  const panel = parts.use(await openPanel({ ...shown, installUpdate: deps.installUpdate, log }, deps));
  storage.startCheck.start();
  upkeep.scrub.start(storage.startCheck.done);
  line.claims.start();
  routers.connect({ endpoint, version, hardware }, (to) => new Control({ ...driven, ...to, line: to }));
  log.info({ url: endpoint, terminalId, port: server.port, panel: panel.url }, "serving");

  const running = parts.move();
  return {
    ready: { url: endpoint, terminalId, panelUrl: panel.url, pid: process.pid },
    checked: storage.startCheck.done,
    ended: departure.done,
    isConnected: () => routers.isOpen,
    connection: () => routers.state,
    measureLink: () => speedTest.run(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The parts that keep things on disk; the lock comes first, so that no other process ever works beside this one. */
function openStorage(config: TerminalConfig, { clock, log }: TerminalDeps, parts: AsyncDisposableStack) {
  parts.use(lockDirectory(config.dataDir));
  const layout = openLayout(config.dataDir);
  const index = openIndex(layout.indexPath, { clock, log });
  parts.defer(() => index.close());
  const settings = new Settings(index);
  const rows = new ObjectRows(index);
  const memory = new MemoryCache(config.memoryBytes);
  const store = new ObjectStore(config.quotaBytes, { layout, rows, memory, clock, log });
  const startCheck = parts.use(new StartCheck(config.checkBytesPerSecond, { store, layout, clock, log }));
  return { layout, index, settings, rows, memory, store, startCheck };
}

type Storage = ReturnType<typeof openStorage>;

/** The lines to the Routers: who we are, what it told us, and what we tell and ask it. */
function openLine(config: TerminalConfig, deps: TerminalDeps, storage: Storage, parts: AsyncDisposableStack) {
  const { clock, log, random } = deps;
  const { index, settings, store } = storage;
  const identity = openIdentity(config.dataDir);
  const time = new RouterTime(clock);
  const firstWord = parts.use(new FirstWord({ clock }));
  const pairs = () => store.pairs();
  const onUnreachable = () => firstWord.noteHeard();
  const routers = parts.use(
    new Routers(config.routerUrls, { identity, settings, pairs, onUnreachable, clock, log, random }),
  );
  const { send } = routers;
  const ledger = new Ledger(new ClaimRows(index));
  return {
    identity,
    terminalId: terminalIdOf(identity.publicKey),
    routers,
    pin: new RouterPin(config.dataDir, config.routerKey),
    time,
    keys: new TicketKeys(settings, time),
    terms: new Terms(settings),
    firstWord,
    standing: new Kept(settings, "standing", standingSchema),
    release: new Kept(settings, "release", releaseSchema),
    linkSpeed: new Kept(settings, LINK_SPEED_SETTING, linkSpeedSchema),
    load: new Load(clock),
    wants: { ask: routers.ask },
    ledger,
    claims: parts.use(new ClaimSender({ ledger, send, clock: time, log })),
  };
}

type Line = ReturnType<typeof openLine>;

/** What fills, checks and clears the store. */
function openUpkeep(config: TerminalConfig, deps: TerminalDeps, built: Storage & Line, parts: AsyncDisposableStack) {
  const { clock, log, random, fillLimits: limits = FILL_LIMITS } = deps;
  const { layout, index, rows, store, startCheck, routers, pin, time, terms, load, identity } = built;
  const policy = new AgedFreq({ capacityBytes: config.quotaBytes });
  const evictor = new Evictor({ store, policy, ranks: new RankRows(index), send: routers.poll.send, clock, log });
  routers.poll.answerTo(evictor);
  parts.use(keepUp({ store, evictor, log }));
  const common = { layout, store, startCheck, terms, clock, log, onBytes: load.noteSent };
  return {
    evictor,
    fills: parts.use(
      new Fills({ ...common, clock: time, limits, random, routerKey: () => pin.key, report: routers.tell }),
    ),
    refetch: new Refetch({ store, ask: routers.ask, log }),
    scrub: parts.use(new Scrub(config.scrubBytesPerSecond, { store, rows, layout, clock, log })),
    auditor: new Auditor({ store, layout, identity }),
  };
}

/** What viewers meet. */
async function openServer(
  config: TerminalConfig,
  deps: TerminalDeps,
  built: Storage & Line & { fills: Fills; traffic: Traffic; tls: TlsFiles | undefined },
) {
  const { clock, log, random } = deps;
  const { tls, routers, time, load } = built;
  const { listenHost: hostname, listenPort: port, http3, freeRepeats } = config;
  const { maxConnections, maxConnectionsPerAddress, maxRequestsPerSecond } = config;
  const blocks = new BlockPool(config.isSmall ? MAX_LARGE_BLOCKS_SMALL : MAX_LARGE_BLOCKS);
  const repeats = new RepeatGuard({ ...REPEAT_LIMITS, freeRequests: freeRepeats }, Math.floor(random() * 2 ** 32));
  const own = { blocks, repeats, onBytes: load.noteSent, report: routers.tell };
  const handle = createServe({ ...built, ...own, clock: time, log });
  const limits = { maxConnections, maxConnectionsPerAddress, maxRequestsPerSecond };
  const options = { hostname, port, http3, limits, handle, log, clock, refusesContent: true };
  const server = await serveHttp(tls === undefined ? options : { ...options, tls: tls.first });
  tls?.watch((pair) => server.reloadTls(pair));
  return server;
}

function openPanel(shown: PanelParts, { clock, log }: TerminalDeps) {
  const { panelPort: port, dataDir } = shown.config;
  const deps = { sources: panelSources(shown), actions: panelActions(shown), clock, log };
  return servePanel({ hostname: "127.0.0.1", port, dataDir }, deps);
}

function endpointOf({ listenHost, tlsCertFile }: TerminalConfig, port: number): string {
  if (listenHost === "0.0.0.0" || listenHost === "::") {
    const message = `option --endpoint: found nothing, allowed: the URL that viewers reach this Terminal at (it listens on every address, ${listenHost})`;
    throw new NesonError("bad-option", message, { fault: "operator" });
  }
  const { origin } = new URL(httpUrlOf(listenHost, port));
  return tlsCertFile === undefined ? origin : origin.replace(/^http:/, "https:");
}
