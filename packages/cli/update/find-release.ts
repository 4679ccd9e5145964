import { NesonError } from "@neson/kit/error";
import type { Release } from "@neson/protocol/release";
import { MAX_RELEASE_FILE_BYTES, releaseFileSchema } from "@neson/router/releases/release-file";
import { statusSchema } from "@neson/terminal/panel/status";
import { type Fetch, parseJson, printable, readBounded } from "../fetched.ts";
import { openPanel } from "../terminal/panel-client.ts";

const CALL_MS = 10_000;

/** What was found out about newer versions. */
export interface FoundRelease {
  /** Undefined when the Router has announced none to this Terminal. */
  release: Release | undefined;
  /** Where its files are, below `/download/`. */
  routerUrl: string;
  /** Version of the Terminal that runs; undefined when none does. */
  runningVersion: string | undefined;
}

const announcedSchema = statusSchema.pick({ identity: true, release: true });

/**
 * The release that the Router has announced to the Terminal running on that data directory; where none runs, the one that the Router gives to everybody.
 * @throws NesonError `router-silent`, `panel-silent`, `no-release` or `bad-answer` (operator: they chose whom to ask)
 */
export async function findRelease(place: { dataDir: string; routerUrl: string }, fetch: Fetch): Promise<FoundRelease> {
  const panel = await openPanel(place.dataDir, fetch);
  // A file left by a Terminal that was killed leads to nobody; then the Router is asked.
  const status = await panel?.read(announcedSchema);
  if (status !== undefined) {
    const { identity, release } = status;
    return { release, routerUrl: identity.routerUrl, runningVersion: identity.version };
  }
  const url = `${place.routerUrl}/download/release.json`;
  const answer = await get(url, fetch).catch((cause: unknown) => {
    const message = `asking ${url} for the newest version failed; allowed: a Router that runs (--router)`;
    throw new NesonError("router-silent", message, { fault: "operator", cause });
  });
  if (answer.status !== 200) {
    const said = (await readBounded(answer, MAX_RELEASE_FILE_BYTES)).slice(0, 300).trim();
    const message = `asking ${url} for the newest version: found status ${answer.status} (${printable(said)})`;
    throw new NesonError("no-release", message, { fault: "operator" });
  }
  const { release } = parseJson(releaseFileSchema, await readBounded(answer, MAX_RELEASE_FILE_BYTES), url);
  return { release, routerUrl: place.routerUrl, runningVersion: undefined };
}

function get(url: string, fetch: Fetch): Promise<Response> {
  return fetch(url, { signal: AbortSignal.timeout(CALL_MS) });
}
