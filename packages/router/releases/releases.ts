import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Release } from "@neson/protocol/release";
import { answerReleases } from "./answer-releases.ts";
import type { ReleaseFile } from "./release-file.ts";
import { ReleaseFolder } from "./release-folder.ts";
import { isInStage } from "./stage.ts";
import { isNewer } from "./version.ts";

/** What a Router announces to Terminals and gives to those who install one. */
export interface Releases {
  /** The release in the directory, undefined when there is none or it is not sound. Follows changes of the files within seconds. */
  current(): ReleaseFile | undefined;
  /** What to announce to a Terminal that runs `version`: newer than that, and its turn has come. */
  forTerminal(terminalId: string, version: string): Release | undefined;
  /** Answers `/install.sh`, `/install.ps1` and `/download/…`; undefined for every other path. */
  answer(request: Request, path: string): Response | undefined;
}

/** What releases need. */
export interface ReleasesDeps {
  /** The URL at which Terminals reach this Router; asked for at each use, as a free port is known late. */
  controlUrl: () => string;
  clock: Clock;
  log: Log;
}

/**
 * Opens a directory made by `npm run build`, and reads it whole once. Without a directory nothing is announced and every path answers 404 with the reason.
 * @throws NesonError `releases-unusable` (operator) when it holds no sound release; what breaks later is logged and not offered
 */
export async function openReleases(directory: string | undefined, deps: ReleasesDeps): Promise<Releases> {
  const folder = directory === undefined ? undefined : new ReleaseFolder(directory, deps);
  await folder?.read();
  if (folder?.problem !== undefined) {
    const message = `option --releases: found ${directory}, allowed: a directory made by "npm run build" (${folder.problem})`;
    throw new NesonError("releases-unusable", message, { fault: "operator" });
  }
  const current = () => folder?.current();
  return {
    current,
    forTerminal: (terminalId, version) => {
      const published = current();
      if (published === undefined || !isNewer(published.release.version, version)) return undefined;
      const isTurn = isInStage(terminalId, published.release.version, published.stagePercent);
      return isTurn ? published.release : undefined;
    },
    answer: (request, path) => answerReleases(request, path, { isSet: folder !== undefined, current, ...deps }),
  };
}
