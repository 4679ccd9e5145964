import { z } from "zod";
import { NO_FACTS, type PlatformFacts, type RunProgram } from "./platform-facts.ts";

const numberOrNothing = z.number().nullish();

/** What `SCRIPT` prints. */
const reportSchema = z.object({ media: numberOrNothing, bus: numberOrNothing, link: numberOrNothing });

/**
 * Asks for the physical disk below the data directory's drive (MSFT_PhysicalDisk: MediaType 3 hard disk, 4 solid state, 5 storage class memory;
 * BusType 17 NVMe) and for the receive speed of the interface with the default route, as one line of JSON.
 */
const SCRIPT = `
$ErrorActionPreference = 'SilentlyContinue'
$number = (Get-Partition -DriveLetter $env:NESON_DRIVE).DiskNumber
$disk = Get-PhysicalDisk | Where-Object { $_.DeviceId -eq [string]$number } | Select-Object -First 1
$route = Get-NetRoute -DestinationPrefix '0.0.0.0/0' | Sort-Object RouteMetric | Select-Object -First 1
$adapter = Get-NetAdapter -InterfaceIndex $route.ifIndex
@{ media = $disk.CimInstanceProperties['MediaType'].Value; bus = $disk.CimInstanceProperties['BusType'].Value; link = $adapter.ReceiveLinkSpeed } | ConvertTo-Json -Compress
`;

const MEDIA_HDD = 3;
const MEDIA_SSD = 4;
const BUS_NVME = 17;
const BUS_ISCSI = 9;

/** @param dataDir absolute, with its drive letter */
export async function detectWindows(dataDir: string, run: RunProgram): Promise<PlatformFacts> {
  const drive = /^([A-Za-z]):/.exec(dataDir)?.[1];
  // A share (\\\\server\\share) has no drive letter.
  if (drive === undefined) return { ...NO_FACTS, diskKind: "network" };
  const script = SCRIPT.replaceAll("$env:NESON_DRIVE", `'${drive}'`);
  return windowsFactsOf(await run(["powershell", "-NoProfile", "-NonInteractive", "-Command", script]));
}

/** Reads the script's line. */
export function windowsFactsOf(output: string | undefined): PlatformFacts {
  const report = parse(output);
  if (report === undefined) return NO_FACTS;
  const { media, bus, link } = report;
  const kind = kindOf(media ?? 0, bus ?? 0);
  return {
    ...NO_FACTS,
    diskKind: kind,
    linkBitsPerSecond: link !== null && link !== undefined && link > 0 ? link : undefined,
  };
}

function kindOf(media: number, bus: number): PlatformFacts["diskKind"] {
  if (bus === BUS_ISCSI) return "network";
  if (media === MEDIA_SSD || bus === BUS_NVME) return "ssd";
  return media === MEDIA_HDD ? "hdd" : "unknown";
}

function parse(output: string | undefined): z.infer<typeof reportSchema> | undefined {
  try {
    return reportSchema.parse(JSON.parse((output ?? "").trim()));
  } catch {
    return undefined;
  }
}
