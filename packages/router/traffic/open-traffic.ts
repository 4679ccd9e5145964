import type { Clock } from "@neson/kit/clock";
import type { Log } from "@neson/kit/log";
import type { Db } from "../db/database.ts";
import type { OriginResolver } from "../origin/resolver.ts";
import type { Sites } from "../sites/site.ts";
import { Alerts } from "../spend/alerts.ts";
import type { Prices } from "../spend/cost.ts";
import { SpendGuard } from "../spend/guard.ts";
import { WebhookSecrets } from "../spend/webhook-secrets.ts";
import { AccessLog } from "./access-log.ts";
import { FigureWriter } from "./figure-writer.ts";
import { Latencies } from "./latencies.ts";
import { LiveLog } from "./live-log.ts";
import { TrafficObserver } from "./observer.ts";

/** Live logs that may be read at once. */
const MAX_LOG_READERS = 100;

/** What keeping traffic may be told. */
export interface TrafficOptions {
  prices: Prices;
  /** Of the network; signs what is posted to webhooks. */
  masterKey: Uint8Array;
  /** File that every request is written to; none when undefined. */
  accessLog: string | undefined;
}

/** What keeping traffic needs. */
export interface TrafficDeps {
  db: Db;
  sites: Pick<Sites, "byName" | "list">;
  resolver: OriginResolver;
  /** The country of an address, as "DE"; undefined when it is not known. */
  countryOf: (address: string) => string | undefined;
  clock: Clock;
  log: Log;
}

/** Everything that watches what the edge answers. */
export interface Traffic {
  observer: TrafficObserver;
  figures: FigureWriter;
  live: LiveLog;
  latencies: Latencies;
  guard: SpendGuard;
  prices: Prices;
  /** What signs alerts. */
  secrets: WebhookSecrets;
  /** Records that no disk was fast enough for. */
  droppedRecords: () => number;
}

/**
 * Opens the access log, reads which sites have reached their cap, and starts to write figures down.
 * @throws NesonError `access-log-unusable` (operator)
 */
export async function openTraffic(
  options: TrafficOptions,
  deps: TrafficDeps,
  parts: AsyncDisposableStack,
): Promise<Traffic> {
  const { db, sites, resolver, clock, log } = deps;
  const accessLog =
    options.accessLog === undefined ? undefined : parts.use(await AccessLog.open(options.accessLog, log));
  const guard = new SpendGuard(options.prices, { db, sites, clock });
  await guard.judge([]);
  const secrets = new WebhookSecrets({ masterKey: options.masterKey }, { db, clock });
  const alerts = new Alerts({ db, sites, resolver, secrets, clock, log });
  const onWritten = async (written: readonly string[]) => {
    await guard.judge(written);
    await alerts.look();
  };
  const figures = parts.use(new FigureWriter({ db, clock, log, onWritten }));
  const live = new LiveLog({ maxReaders: MAX_LOG_READERS });
  const latencies = new Latencies();
  const { tallies } = figures;
  const observer = new TrafficObserver({
    ...{ tallies, latencies, live, accessLog, clock },
    countryOf: deps.countryOf,
  });
  return {
    observer,
    figures,
    live,
    latencies,
    guard,
    prices: options.prices,
    secrets,
    droppedRecords: () => accessLog?.droppedRecords ?? 0,
  };
}
