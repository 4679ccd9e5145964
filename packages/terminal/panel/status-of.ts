import type { Clock } from "@neson/kit/clock";
import type { StoredObjectSummary } from "../store/popular.ts";
import type { PanelSources } from "./sources.ts";
import { MAX_LISTED_OBJECTS, type Status, type Warning } from "./status.ts";
import { warningsOf } from "./warnings.ts";

/** Finding the most popular objects means going through all of them: not more often than this, however many look. */
const POPULAR_FOR_MS = 5000;

/** Reads the sources into one status. */
export type ReadStatus = () => Status;

/** Gives what `GET /api/status` and the metrics are made from. `isLeaving` tells whether somebody asked the Terminal to leave. */
export function createStatus(sources: PanelSources, clock: Clock, isLeaving: () => boolean): ReadStatus {
  const popular = kept((limit) => sources.popular(limit), clock);
  return () => {
    const readings = readSources(sources);
    const { standing, release, certificate } = readings;
    return {
      atMs: clock.nowMs(),
      identity: readings.identity,
      connection: readings.connection,
      isLeaving: isLeaving() || readings.storage.refusesSaves === "draining",
      load: readings.load,
      traffic: { totals: sources.traffic.totals(), recent: sources.traffic.recent(), days: sources.traffic.days() },
      storage: readings.storage,
      popular: popular(),
      ...(standing === undefined ? {} : { standing }),
      ...(release === undefined ? {} : { release }),
      hardware: readings.hardware,
      ...(certificate === undefined ? {} : { certificate }),
      warnings: warningsOf({ ...readings, nowMs: clock.nowMs() }).map(fitting),
    };
  };
}

function readSources(sources: PanelSources) {
  return {
    identity: sources.identity(),
    connection: sources.connection(),
    load: sources.load(),
    storage: sources.storage(),
    hardware: sources.hardware(),
    standing: sources.standing(),
    release: sources.release(),
    certificate: sources.certificate?.(),
    clockOffsetMs: sources.clockOffsetMs?.(),
  };
}

function kept(read: (limit: number) => StoredObjectSummary[], clock: Clock): () => StoredObjectSummary[] {
  let readAtMs = Number.NEGATIVE_INFINITY;
  let list: StoredObjectSummary[] = [];
  return () => {
    const nowMs = clock.nowMs();
    if (Math.abs(nowMs - readAtMs) < POPULAR_FOR_MS) return list;
    readAtMs = nowMs;
    list = read(MAX_LISTED_OBJECTS);
    return list;
  };
}

/** Cut to what the schema lets through: a Router's words may be long. */
function fitting({ code, level, message, remedy }: Warning): Warning {
  return { code, level, message: message.slice(0, 600), remedy: remedy.slice(0, 600) };
}
