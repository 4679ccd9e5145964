import { NO_FACTS, type PlatformFacts, type RunProgram } from "./platform-facts.ts";

/** Asks `diskutil` about the volume and `ifconfig` about the interface with the default route. */
export async function detectMacos(dataDir: string, run: RunProgram): Promise<PlatformFacts> {
  const volume = await run(["/usr/sbin/diskutil", "info", await volumeOf(dataDir, run)]);
  const name = interfaceOf(await run(["/sbin/route", "-n", "get", "default"]));
  const link = name === undefined ? undefined : await run(["/sbin/ifconfig", name]);
  return { ...NO_FACTS, diskKind: macosDiskKindOf(volume), linkBitsPerSecond: macosLinkSpeedOf(link) };
}

/** The device in the second line of `df -P`, "/" when it cannot be read. */
async function volumeOf(dataDir: string, run: RunProgram): Promise<string> {
  const line = (await run(["/bin/df", "-P", dataDir]))?.split("\n")[1];
  const device = line?.split(/\s+/)[0];
  return device?.startsWith("/dev/") === true ? device : "/";
}

/** From `diskutil info`: "Solid State: Yes" or "No"; "Protocol: Disk Image" and network volumes stay unknown. */
export function macosDiskKindOf(info: string | undefined): PlatformFacts["diskKind"] {
  const solid = /^\s*Solid State:\s*(\S+)/m.exec(info ?? "")?.[1];
  if (solid === undefined) return "unknown";
  return solid === "Yes" ? "ssd" : "hdd";
}

/** From `ifconfig`: "media: autoselect (1000baseT <full-duplex>)". Wireless interfaces do not say. */
export function macosLinkSpeedOf(output: string | undefined): number | undefined {
  const match = /media:.*\((\d+)(G?)base/i.exec(output ?? "");
  if (match === null) return undefined;
  return Number(match[1]) * (match[2] === "" ? 1e6 : 1e9);
}

function interfaceOf(route: string | undefined): string | undefined {
  return /^\s*interface:\s*([a-z0-9]{1,20})\s*$/m.exec(route ?? "")?.[1];
}
