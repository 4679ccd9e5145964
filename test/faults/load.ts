import { createHash } from "node:crypto";
import { until } from "../e2e/network.ts";
import { DOWNLOADER, download, type Manner, newVisit, PERSON, type Visit } from "./download.ts";
import type { FaultStage, StageTerminal } from "./stage.ts";

const PERSONS = 3;
const DOWNLOADERS = 2;
/** All of them. */
export const CLIENTS = PERSONS + DOWNLOADERS;
/** Between two downloads of one client. */
const PAUSE_MS = 60;
/** The longest pauses before another try are a minute; none comes so far here. */
const BACK_MS = 30_000;

/** Clients that download the stage's files over and over until disposed of. */
export interface Load extends AsyncDisposable {
  /** Those that are over. */
  visits: Visit[];
  /** Each answer of the Router that sent a client to Terminals, the oldest first; of downloads under way too. */
  steered(): Visit["steered"];
  /** How many answers sent a client there first. */
  sentTo(terminal: StageTerminal): number;
  /** Waits until each of them was sent so many clients. */
  allServe(terminals: StageTerminal[], count: number): Promise<void>;
  /** Waits until a Terminal that is well from now on is sent clients again, and prints how long that took. */
  isBack(terminal: StageTerminal, count?: number): Promise<void>;
}

/** Starts persons and downloaders. */
export function startLoad(stage: Pick<FaultStage, "siteUrl" | "files">): Load {
  const visits: Visit[] = [];
  const underWay = new Set<Visit>();
  let isStopping = false;
  const loops = Array.from({ length: CLIENTS }, async (_none, client) => {
    const manner: Manner = client < PERSONS ? PERSON : DOWNLOADER;
    for (let turn = client; !isStopping; turn += 1) {
      const files = [...stage.files];
      const [target, bytes] = files[turn % files.length] as (typeof files)[number];
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const visit = newVisit(target, manner);
      underWay.add(visit);
      await download(stage.siteUrl, visit, sha256);
      underWay.delete(visit);
      visits.push(visit);
      await Bun.sleep(PAUSE_MS);
    }
  });
  const steered = () => [...visits, ...underWay].flatMap((visit) => visit.steered).sort((a, b) => a.atMs - b.atMs);
  const sentTo = ({ endpoint }: StageTerminal, sinceMs = 0) => {
    return steered().filter(({ atMs, to }) => atMs > sinceMs && to[0] === endpoint).length;
  };
  return {
    visits,
    steered,
    sentTo,
    allServe: async (terminals, count) => {
      await until("all to serve some", () => terminals.every((terminal) => sentTo(terminal) >= count));
    },
    isBack: async (terminal, count = 1) => {
      const sinceMs = performance.now();
      await until("it to be sent clients again", () => sentTo(terminal, sinceMs) >= count, BACK_MS);
      console.log(`sent clients again ${Math.round(performance.now() - sinceMs)} ms after it was well`);
    },
    [Symbol.asyncDispose]: async () => {
      isStopping = true;
      await Promise.all(loops);
    },
  };
}

/** What a test asserts of a number of downloads. */
export interface Summary {
  downloads: number;
  /** Downloads that brought other bytes than were published. Never allowed. */
  wrong: number;
  /** Downloads that a client gave up for good, with why. */
  failed: string[];
  /** Tries that came to nothing, whatever the client did then: how many at the Terminal that is ill, and what happened elsewhere. */
  vainTries: number;
  troubleElsewhere: string[];
  slowestMs: number;
}

/** Adds up downloads and prints what came of them. */
export function summarise(what: string, visits: readonly Visit[], stage: FaultStage, victim: StageTerminal): Summary {
  const placeOf = (origin: string) => {
    if (origin === victim.endpoint) return "the bad Terminal";
    return origin === stage.siteUrl ? "the Router" : "a good Terminal";
  };
  const vain = visits.flatMap(({ attempts }) => attempts).filter(({ problem }) => problem !== undefined);
  const counts = new Map<string, number>();
  for (const { at, problem } of vain) {
    const line = `${problem} at ${placeOf(at)}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  const failed = visits.flatMap(({ target, problem }) => (problem === undefined ? [] : [`${target}: ${problem}`]));
  const summary: Summary = {
    downloads: visits.length,
    wrong: failed.filter((line) => line.includes("wrong bytes")).length,
    failed,
    vainTries: vain.filter(({ at }) => at === victim.endpoint).length,
    troubleElsewhere: vain
      .filter(({ at }) => at !== victim.endpoint)
      .map(({ at, problem }) => `${problem} at ${placeOf(at)}`),
    slowestMs: Math.round(Math.max(0, ...visits.map(({ beganAtMs, endedAtMs }) => endedAtMs - beganAtMs))),
  };
  const troubles = [...counts].map(([line, count]) => `${count} x ${line}`).join(", ");
  console.log(
    `${what}, lines ${stage.ground.name}: ${summary.downloads} downloads, ${failed.length} failed, slowest ${summary.slowestMs} ms; ` +
      `tries that came to nothing: ${troubles === "" ? "none" : troubles}${failed.map((line) => `\n  ${line}`).join("")}`,
  );
  return summary;
}
