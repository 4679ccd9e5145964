import { describeError, NesonError } from "@neson/kit/error";
import { isNewer } from "@neson/router/releases/version";
import type { FoundRelease } from "../../update/find-release.ts";
import { type Finding, ok, skipped, warn } from "./finding.ts";

const NAME = "version";
const REASONS: Record<string, string> = {
  "no-release": "the Router gives out no releases",
  "router-silent": "the Router does not answer",
};

/** Whether the Router knows of a newer version than the one that runs, or would run. `find` rejects when it does not say. */
export async function checkVersion(ownVersion: string, find: () => Promise<FoundRelease>): Promise<Finding> {
  let found: FoundRelease;
  try {
    found = await find();
  } catch (error) {
    const code = error instanceof NesonError ? error.code : "";
    return skipped(NAME, `${ownVersion}; ${REASONS[code] ?? describeError(error)}`);
  }
  const { release, runningVersion } = found;
  if (release !== undefined && isNewer(release.version, ownVersion)) {
    return warn(NAME, `${ownVersion}; ${release.version} is announced`, "neson terminal update");
  }
  if (runningVersion !== undefined && isNewer(ownVersion, runningVersion)) {
    return warn(NAME, `this program is ${ownVersion}, the running Terminal still ${runningVersion}`, "Start it again.");
  }
  return ok(NAME, `${ownVersion}, no newer one is announced`);
}
