import { createHash } from "node:crypto";
import { DOWNLOADER, download, type Manner, PERSON, type Visit } from "./download.ts";
import type { FaultStage, StageTerminal } from "./stage.ts";

const PERSONS = 3;
const DOWNLOADERS = 2;
/** Between two downloads of one client. */
const PAUSE_MS = 60;

/** Clients that download the stage's files over and over until disposed of. */
export interface Load extends AsyncDisposable {
  /** Those that are over. */
  visits: Visit[];
  /** Each answer of the Router that was an order to go to Terminals, the oldest first. */
  steered(): Visit["steered"];
}

/** Starts persons and downloaders. */
export function startLoad(stage: Pick<FaultStage, "siteUrl" | "files">): Load {
  const files = [...stage.files].map(([target, bytes]) => {
    return { target, sha256: createHash("sha256").update(bytes).digest("hex") };
  });
  const visits: Visit[] = [];
  let isStopping = false;
  const loops = Array.from({ length: PERSONS + DOWNLOADERS }, async (_none, client) => {
    const manner: Manner = client < PERSONS ? PERSON : DOWNLOADER;
    for (let turn = client; !isStopping; turn += 1) {
      const { target, sha256 } = files[turn % files.length] as (typeof files)[number];
      visits.push(await download(stage.siteUrl, target, sha256, manner));
      await Bun.sleep(PAUSE_MS);
    }
  });
  return {
    visits,
    steered: () => visits.flatMap(({ steered }) => steered).sort((a, b) => a.atMs - b.atMs),
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
  /** Tries that came to nothing, whatever the client did then, with how often. */
  tries: Map<string, number>;
  slowestMs: number;
}

/** Adds up downloads and prints what came of them. */
export function summarise(what: string, visits: readonly Visit[], stage: FaultStage, victim: StageTerminal): Summary {
  const placeOf = (origin: string) => {
    if (origin === victim.endpoint) return "the bad Terminal";
    return origin === stage.siteUrl ? "the Router" : "a good Terminal";
  };
  const tries = new Map<string, number>();
  for (const { at, problem } of visits.flatMap(({ attempts }) => attempts)) {
    if (problem === undefined) continue;
    const line = `${problem} at ${placeOf(at)}`;
    tries.set(line, (tries.get(line) ?? 0) + 1);
  }
  const failed = visits.flatMap(({ target, problem }) => (problem === undefined ? [] : [`${target}: ${problem}`]));
  const summary: Summary = {
    downloads: visits.length,
    wrong: failed.filter((line) => line.includes("wrong bytes")).length,
    ...{ failed, tries },
    slowestMs: Math.round(Math.max(0, ...visits.map(({ beganAtMs, endedAtMs }) => endedAtMs - beganAtMs))),
  };
  const troubles = [...tries].map(([line, count]) => `${count} x ${line}`).join(", ");
  console.log(
    `${what}, lines ${stage.groundName}: ${summary.downloads} downloads, ${failed.length} failed, slowest ${summary.slowestMs} ms; ` +
      `tries that came to nothing: ${troubles === "" ? "none" : troubles}${failed.map((line) => `\n  ${line}`).join("")}`,
  );
  return summary;
}
