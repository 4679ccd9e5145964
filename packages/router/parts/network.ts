import { randomBytes } from "node:crypto";
import type { Clock } from "@neson/kit/clock";
import { describeError, NesonError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { toHex } from "@neson/protocol/bytes";
import type { Bus } from "../bus/bus.ts";
import { KeyChanges } from "../bus/key-changes.ts";
import { LiveRouters } from "../bus/live-routers.ts";
import { createLocalNetwork } from "../bus/local-bus.ts";
import { NatsBus } from "../bus/nats-bus.ts";
import { createNoticeDesk } from "../bus/notice-desk.ts";
import type { RouterConfig } from "../config.ts";
import type { Purger } from "../purge/purger.ts";
import { PurgeRelay } from "../purge/relay.ts";
import type { Registry } from "../registry/registry.ts";
import { RouterList } from "../registry/router-list.ts";
import { Settlements } from "../steer/settlements.ts";
import type { Keys, Storage } from "./storage.ts";

const ROUTER_ID_BYTES = 12;
const MARK_CHARS = 4;
const SITES_AT_ONCE = 100;

/** What joins this Router to the others of its network, not yet begun. */
export type Network = ReturnType<typeof openNetwork>;

/**
 * Prepares the line to the other Routers; without NATS servers there are none.
 * @throws NesonError `bad-option` (operator) for NATS without a database that Routers can share
 */
export function openNetwork(
  config: RouterConfig,
  deps: { keys: Keys; registry: Registry; controlUrl: () => string; clock: Clock; log: Log },
) {
  const { registry, controlUrl, clock } = deps;
  const bus = openBus(config, deps);
  const self = () => ({ controlUrl: controlUrl(), terminals: registry.all().length });
  const live = new LiveRouters({ bus, self, clock });
  const relay = new PurgeRelay({ bus, live, clock });
  const list = new RouterList({ registry, urls: () => live.others().map((other) => other.controlUrl) });
  const settlements = new Settlements({
    ...{ registry, mark: markOf(bus) },
    signal: (signal) => bus.signal(signal),
    nowSeconds: () => Math.floor(clock.nowMs() / 1000),
  });
  const routers = () => ({ isInTouch: bus.isConnected, others: live.others() });
  return { routers, bus, live, relay, list, settlements, ticketMark: markOf(bus), routerCount: () => live.count() };
}

/** Begins to speak with the other Routers, until disposed of. Call it once this one can be reached. */
export function joinNetwork(
  { bus, live, relay, list, settlements }: Network,
  deps: Pick<Storage, "catalog" | "sites"> & { purger: Purger; clock: Clock; log: Log },
): AsyncDisposable {
  const { catalog, sites, purger, clock, log } = deps;
  const desk = createNoticeDesk({ ...deps, relay, live, settlements, clock });
  const changes = new KeyChanges(bus);
  catalog.onChanged = (change) => changes.note(change);
  sites.onChanged = (name) => bus.publish({ type: "sites", names: [name] });
  live.onChanged = () => list.changed();
  live.onGone = (routerId) => relay.left(routerId);
  live.onLost = (routerId) => {
    log.warn({ router: routerId }, "another Router is gone without a word; what it may not have told is read again");
    // It may have died between a change and telling it, or with a purge half done.
    desk
      .resync("another Router is gone")
      .then(() => purger.resume())
      .catch((error) => log.error({ err: error }, `taking over from a lost Router failed: ${describeError(error)}`));
  };
  bus.start(desk);
  live.start();
  // Its file of sites may have changed some at this start.
  const names = sites.list().map(({ name }) => name);
  for (let first = 0; first < names.length; first += SITES_AT_ONCE) {
    bus.publish({ type: "sites", names: names.slice(first, first + SITES_AT_ONCE) });
  }
  return {
    [Symbol.asyncDispose]: async () => {
      changes.flush();
      settlements[Symbol.dispose]();
      live[Symbol.dispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
}

/** What the nonces of this Router's tickets begin with: 16 bits, so that others know whose they are. */
function markOf(bus: Bus): string {
  return bus.routerId.slice(0, MARK_CHARS);
}

function openBus(
  { natsServers, databaseUrl }: RouterConfig,
  { keys, clock, log }: { keys: Keys; clock: Clock; log: Log },
): Bus {
  const routerId = toHex(randomBytes(ROUTER_ID_BYTES));
  const common = { clock, log, random: Math.random };
  if (natsServers === undefined) return createLocalNetwork(common).join(routerId);
  if (databaseUrl === undefined) {
    const message =
      "option --nats-url (NATS_URL): found it without --database-url (DATABASE_URL), allowed: both, because several Routers need one PostgreSQL database";
    throw new NesonError("bad-option", message, { fault: "operator" });
  }
  return new NatsBus({ servers: natsServers, routerId, network: keys.fingerprint, key: keys.bus }, common);
}
