import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "@neson/kit/clock";
import type { TerminalConfig } from "@neson/terminal/config";
import type { DiskSpeed } from "@neson/terminal/hardware/disk-speed";
import { LINK_SPEED_SETTING, type LinkSpeed, linkSpeedSchema } from "@neson/terminal/hardware/speed-test";
import type { Status } from "@neson/terminal/panel/status";
import type { Fetch } from "../../fetched.ts";
import { findRelease } from "../../update/find-release.ts";
import { readKeptSetting } from "../stopped-index.ts";
import { checkCertificate, checkExpiry } from "./certificate.ts";
import { checkDataDirectory } from "./data-directory.ts";
import { checkDiskSpeed, checkSpace, noDiskSpeed, storedBytes } from "./disk.ts";
import type { Finding } from "./finding.ts";
import { checkPort } from "./port.ts";
import { checkReachable, nominalLink } from "./reach.ts";
import { askRouter, checkClock, checkRouter } from "./router.ts";
import { checkByTrial, noTrial, type TrialTerminal } from "./trial.ts";
import { checkVersion } from "./version.ts";

/** What an examination needs. */
export interface ExamineDeps {
  /** Of the Terminal that runs on the data directory; undefined when none does. */
  status: Status | undefined;
  version: string;
  fetch: Fetch;
  clock: Clock;
  measureDisk: (directory: string) => Promise<DiskSpeed>;
  startTerminal: (config: TerminalConfig) => Promise<TrialTerminal>;
}

/**
 * Checks everything that a Terminal depends on and yields each finding as soon as there is one. Where a Terminal runs, it is asked and left in
 * peace; otherwise one is started for a moment.
 */
export async function* examine(config: TerminalConfig, deps: ExamineDeps): AsyncGenerator<Finding> {
  const { status, fetch, clock, version } = deps;
  const { dataDir } = config;
  const routerUrl = status?.identity.routerUrl ?? config.routerUrls[0];
  const directory = await checkDataDirectory(dataDir);
  yield directory;
  const isUsable = directory.state === "ok" || directory.state === "warn";
  yield await checkRoom(config, status);
  if (isUsable) yield await diskSpeed(dataDir, deps);
  const answer = await askRouter(routerUrl, { fetch, clock });
  yield checkRouter(routerUrl, answer);
  yield checkClock(answer);
  const port = await checkPort(config, status !== undefined);
  yield port;
  const certificate = await tlsFinding(config, deps);
  if (certificate !== undefined) yield certificate;
  if (status !== undefined) {
    yield checkReachable(status.identity.endpoint, status.connection);
    yield nominalLink(status.hardware.linkBitsPerSecond, measuredLink(dataDir));
  } else {
    const hindrances = [
      directory,
      port,
      checkRouter(routerUrl, answer),
      ...(certificate === undefined ? [] : [certificate]),
    ];
    yield* await reachByTrial(config, deps, hindrances);
  }
  yield await checkVersion(version, () => findRelease({ dataDir, routerUrl }, fetch));
}

function measuredLink(dataDir: string): LinkSpeed | undefined {
  const text = readKeptSetting(dataDir, LINK_SPEED_SETTING);
  try {
    return text === undefined ? undefined : linkSpeedSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function checkRoom({ dataDir, quotaBytes }: TerminalConfig, status: Status | undefined): Promise<Finding> {
  let place = dataDir;
  while (!existsSync(place) && place !== dirname(place)) place = dirname(place);
  const { bavail, bsize } = await statfs(place);
  const freeBytes = bavail * bsize;
  if (status === undefined) return checkSpace({ quotaBytes, usedBytes: storedBytes(dataDir), freeBytes });
  const { storage } = status;
  return checkSpace({ quotaBytes: storage.quotaBytes, usedBytes: storage.usedBytes, freeBytes });
}

/** A Terminal that runs has measured its disk, and would be slowed down by another measurement. */
async function diskSpeed(dataDir: string, { status, measureDisk }: ExamineDeps): Promise<Finding> {
  const { readBytesPerSecond, writeBytesPerSecond } = status?.hardware.disk ?? {};
  if (readBytesPerSecond !== undefined && writeBytesPerSecond !== undefined) {
    return checkDiskSpeed(async () => ({ readBytesPerSecond, writeBytesPerSecond }));
  }
  return existsSync(dataDir) ? checkDiskSpeed(() => measureDisk(dataDir)) : noDiskSpeed();
}

async function tlsFinding(config: TerminalConfig, { status, clock }: ExamineDeps): Promise<Finding | undefined> {
  const { tlsCertFile: certFile, tlsKeyFile: keyFile, endpoint } = config;
  const fromFiles = await checkCertificate({ certFile, keyFile, endpoint }, clock.nowMs());
  const inUse = status?.certificate;
  if (inUse === undefined || fromFiles?.state === "fail") return fromFiles;
  return checkExpiry(inUse.expiresAtMs, clock.nowMs());
}

async function reachByTrial(
  config: TerminalConfig,
  deps: ExamineDeps,
  hindrances: readonly Finding[],
): Promise<Finding[]> {
  const hindrance = hindrances.find(({ state }) => state === "fail");
  if (hindrance !== undefined) return noTrial(`not tried: mend "${hindrance.name}" first`);
  // The panel's own port may be taken by another Terminal, which is no matter here.
  return checkByTrial(() => deps.startTerminal({ ...config, panelPort: 0 }), deps.clock);
}
