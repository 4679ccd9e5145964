import type { Hardware } from "@neson/protocol/hardware";

type DiskKind = Hardware["disk"]["kind"];

/** The mount that a path lies on. */
export interface Mount {
  /** "254:0": major and minor number of the device. */
  device: string;
  mountPoint: string;
  fsType: string;
}

const NETWORK_TYPES = new Set(["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.sshfs", "fuse.glusterfs", "afs"]);
const MEMORY_TYPES = new Set(["tmpfs", "ramfs", "zram"]);

/** The mount of an absolute path, from the text of /proc/self/mountinfo (proc(5)): the longest mount point that leads to it, the last of equals. */
export function mountOf(path: string, mountInfo: string): Mount | undefined {
  let found: Mount | undefined;
  for (const line of mountInfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [, , device, , escaped] = before.split(" ");
    const [fsType] = after.split(" ");
    if (device === undefined || escaped === undefined || fsType === undefined || fsType === "") continue;
    const mountPoint = escaped.replace(/\\([0-7]{3})/g, (_all, code: string) =>
      String.fromCharCode(Number.parseInt(code, 8)),
    );
    const leads = path === mountPoint || path.startsWith(mountPoint === "/" ? "/" : `${mountPoint}/`);
    if (leads && (found === undefined || mountPoint.length >= found.mountPoint.length)) {
      found = { device, mountPoint, fsType };
    }
  }
  return found;
}

/** Disks of virtual machines call themselves rotating whatever is below them. */
const VIRTUAL_DISK = /^(?:vd|xvd)[a-z]/;

/**
 * What kind of disk a mount is.
 *
 * @param name of the device, "sda1"; undefined when there is none
 * @param rotational text of the device's `queue/rotational` in /sys; undefined when there is none
 */
export function diskKindOf(fsType: string, name: string | undefined, rotational: string | undefined): DiskKind {
  if (NETWORK_TYPES.has(fsType)) return "network";
  if (MEMORY_TYPES.has(fsType)) return "memory";
  if (rotational?.trim() === "0") return "ssd";
  return rotational?.trim() === "1" && !VIRTUAL_DISK.test(name ?? "") ? "hdd" : "unknown";
}

/** Cores that a control group allows, from `cpu.max` (version 2) or `cfs_quota_us` and `cfs_period_us` (version 1); undefined for no limit. */
export function coreLimitOf(cpuMax: string | undefined): number | undefined {
  const [quota, period] = (cpuMax ?? "").trim().split(/\s+/).map(Number);
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return undefined;
  return Math.max(1, Math.ceil(quota / period));
}

/** Bytes that a control group allows, from `memory.max` or `memory.limit_in_bytes`; undefined for no limit. */
export function memoryLimitOf(text: string | undefined): number | undefined {
  const bytes = Number((text ?? "").trim() || Number.NaN);
  // Version 1 writes "no limit" as a number near 2^63.
  return Number.isFinite(bytes) && bytes > 0 && bytes < 2 ** 60 ? bytes : undefined;
}

/** Interface of the default route, from the text of /proc/net/route. */
export function defaultInterfaceOf(routes: string): string | undefined {
  for (const line of routes.split("\n").slice(1)) {
    const [name, destination] = line.split(/\s+/);
    if (destination === "00000000") return name;
  }
  return undefined;
}

/** Bits a second, from an interface's `speed` in /sys, which is in Mbit/s and negative when unknown. */
export function linkSpeedOf(text: string | undefined): number | undefined {
  const megabits = Number((text ?? "").trim() || Number.NaN);
  return megabits > 0 ? megabits * 1e6 : undefined;
}

/**
 * Where the control groups of a process lie below the root of their hierarchy, its own first and the root, "", last: a limit of each of them holds.
 *
 * @param membership text of /proc/self/cgroup (cgroups(7))
 * @param controller of version 1, "memory"; "" for the one hierarchy of version 2
 */
export function controlGroupsOf(membership: string, controller: string): string[] {
  const groups: string[] = [];
  for (const line of membership.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined || !controllers.split(",").includes(controller)) continue;
    for (let group = path.replace(/\/$/, ""); group !== ""; group = group.slice(0, group.lastIndexOf("/"))) {
      groups.push(group);
    }
    break;
  }
  return [...groups, ""];
}
