import type { Hardware } from "@neson/protocol/hardware";
import { sizeText } from "@neson/terminal/panel/size-text";
import { printable } from "../fetched.ts";

const DISKS: Record<Hardware["disk"]["kind"], string> = {
  ssd: "solid-state disk",
  hdd: "hard disk",
  memory: "disk in memory",
  network: "disk on the network",
  unknown: "unknown kind",
};

/** What a machine is, in a few lines for people: all that a Terminal tells its Router of it. */
export function machineLines(hardware: Hardware): string[] {
  const { platform, cpuModel, cpuCores, memoryBytes, disk, linkBitsPerSecond, isSmall } = hardware;
  const rows: [string, string][] = [
    ["system", platform],
    ["processor", `${cpuModel}, ${cpuCores} core${cpuCores === 1 ? "" : "s"}`],
    ["memory", sizeText(memoryBytes)],
    ["disk", `${DISKS[disk.kind]}, ${sizeText(disk.freeBytes)} free of ${sizeText(disk.totalBytes)}`],
  ];
  const { readBytesPerSecond: read, writeBytesPerSecond: write } = disk;
  if (read !== undefined && write !== undefined) {
    rows.push(["disk speed", `reads ${sizeText(read)}/s, writes ${sizeText(write)}/s`]);
  }
  rows.push(["link", linkBitsPerSecond === undefined ? "speed unknown" : linkText(linkBitsPerSecond)]);
  if (isSmall) rows.push(["mode", "small (--small)"]);
  return rows.map(([name, value]) => `  ${name.padEnd(11)} ${printable(value)}`);
}

/** Bits a second for people: "1 Gbit/s", "54 Mbit/s". */
export function linkText(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e9 ? `${bitsPerSecond / 1e9} Gbit/s` : `${Math.round(bitsPerSecond / 1e5) / 10} Mbit/s`;
}
