import { readFile, readlink } from "node:fs/promises";
import { basename, dirname } from "node:path";
import {
  controlGroupsOf,
  coreLimitOf,
  defaultInterfaceOf,
  diskKindOf,
  linkSpeedOf,
  memoryLimitOf,
  mountOf,
} from "./linux.ts";
import type { PlatformFacts } from "./platform-facts.ts";

const CGROUP = "/sys/fs/cgroup";

/** Reads /proc and /sys. What is not there, as in many containers, stays unknown. */
export async function detectLinux(dataDir: string): Promise<PlatformFacts> {
  const mount = mountOf(dataDir, (await text("/proc/self/mountinfo")) ?? "");
  const disk = mount === undefined ? undefined : await diskOf(mount.device);
  const link = defaultInterfaceOf((await text("/proc/net/route")) ?? "");
  return {
    diskKind: mount === undefined ? "unknown" : diskKindOf(mount.fsType, disk?.name, disk?.rotational),
    linkBitsPerSecond:
      link === undefined ? undefined : linkSpeedOf(await text(`/sys/class/net/${basename(link)}/speed`)),
    ...(await limits((await text("/proc/self/cgroup")) ?? "")),
  };
}

/** The narrowest of the limits that any of the process's control groups sets; in a container, the root is its own. */
async function limits(membership: string): Promise<Pick<PlatformFacts, "coreLimit" | "memoryLimitBytes">> {
  const cores: (number | undefined)[] = [];
  const memory: (number | undefined)[] = [];
  for (const group of controlGroupsOf(membership, "")) {
    cores.push(coreLimitOf(await text(`${CGROUP}${group}/cpu.max`)));
    memory.push(memoryLimitOf(await text(`${CGROUP}${group}/memory.max`)));
  }
  for (const group of controlGroupsOf(membership, "cpu")) cores.push(coreLimitOf(await oldCoreLimit(group)));
  for (const group of controlGroupsOf(membership, "memory")) {
    memory.push(memoryLimitOf(await text(`${CGROUP}/memory${group}/memory.limit_in_bytes`)));
  }
  return { coreLimit: least(cores), memoryLimitBytes: least(memory) };
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

async function oldCoreLimit(group: string): Promise<string | undefined> {
  const directory = `${CGROUP}/cpu${group}`;
  const [quota, period] = [await text(`${directory}/cpu.cfs_quota_us`), await text(`${directory}/cpu.cfs_period_us`)];
  return quota === undefined || period === undefined ? undefined : `${quota.trim()} ${period.trim()}`;
}

/** A partition has no queue of its own: its disk has, one directory up. */
async function diskOf(device: string): Promise<{ name: string; rotational: string | undefined } | undefined> {
  const link = await readlink(`/sys/dev/block/${device}`).catch(() => undefined);
  if (link === undefined) return undefined;
  const own = `/sys/dev/block/${link}`;
  const rotational = (await text(`${own}/queue/rotational`)) ?? (await text(`${dirname(own)}/queue/rotational`));
  return { name: basename(link), rotational };
}

async function text(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
