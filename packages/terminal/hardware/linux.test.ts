import { expect, test } from "bun:test";
import {
  controlGroupsOf,
  coreLimitOf,
  defaultInterfaceOf,
  diskKindOf,
  linkSpeedOf,
  memoryLimitOf,
  mountOf,
} from "./linux.ts";

const MOUNTS = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 8:17 / /srv rw,relatime shared:5 - xfs /dev/sdb1 rw
41 40 0:44 / /srv/big\\040films rw,relatime - nfs4 nas:/films rw
42 27 0:25 / /dev/shm rw,relatime - tmpfs tmpfs rw
43 42 0:45 / /dev/shm rw,relatime - ramfs ramfs rw
broken line
`;

test("mountOf() finds the longest mount point that leads to a path, and the last of equals", () => {
  const deviceOf = (path: string) => mountOf(path, MOUNTS)?.device;
  expect(deviceOf("/home/neson")).toBe("254:0");
  expect(deviceOf("/srv/neson")).toBe("8:17");
  expect(deviceOf("/srvother")).toBe("254:0");
  expect(mountOf("/srv/big films/x", MOUNTS)).toEqual({
    device: "0:44",
    mountPoint: "/srv/big films",
    fsType: "nfs4",
  });
  expect(mountOf("/dev/shm", MOUNTS)?.fsType).toBe("ramfs");
  expect(mountOf("/x", "")).toBeUndefined();
});

test("diskKindOf() names what can be known, and guesses nothing of virtual disks", () => {
  expect(diskKindOf("ext4", "sda1", "1\n")).toBe("hdd");
  expect(diskKindOf("ext4", "nvme0n1p2", "0\n")).toBe("ssd");
  expect(diskKindOf("ext4", "vda", "1\n")).toBe("unknown");
  expect(diskKindOf("ext4", "vda", "0\n")).toBe("ssd");
  expect(diskKindOf("overlay", undefined, undefined)).toBe("unknown");
  expect(diskKindOf("nfs4", undefined, undefined)).toBe("network");
  expect(diskKindOf("tmpfs", undefined, undefined)).toBe("memory");
});

test("limits of control groups count, and their ways to say none do not", () => {
  expect([
    coreLimitOf("150000 100000\n"),
    coreLimitOf("max 100000\n"),
    coreLimitOf("-1 100000"),
    coreLimitOf(undefined),
  ]).toEqual([2, undefined, undefined, undefined]);
  expect([memoryLimitOf("536870912\n"), memoryLimitOf("max\n"), memoryLimitOf("9223372036854771712\n")]).toEqual([
    536_870_912,
    undefined,
    undefined,
  ]);
  expect([memoryLimitOf(undefined), memoryLimitOf("")]).toEqual([undefined, undefined]);
});

test("the link is that of the default route, with its speed when it is known", () => {
  const routes = "Iface\tDestination\tGateway\neth1\t0000A8C0\t00000000\neth0\t00000000\t0100A8C0\n";
  expect(defaultInterfaceOf(routes)).toBe("eth0");
  expect(defaultInterfaceOf("Iface\tDestination\n")).toBeUndefined();
  expect([linkSpeedOf("10000\n"), linkSpeedOf("-1\n"), linkSpeedOf(undefined)]).toEqual([1e10, undefined, undefined]);
});

test("controlGroupsOf() gives a process's own group and all above it, of either version", () => {
  const unit = "0::/user.slice/user-1000.slice/neson-terminal.service\n";
  expect(controlGroupsOf(unit, "")).toEqual([
    "/user.slice/user-1000.slice/neson-terminal.service",
    "/user.slice/user-1000.slice",
    "/user.slice",
    "",
  ]);
  expect(controlGroupsOf(unit, "memory")).toEqual([""]);
  const old = "9:name=systemd:/\n5:devices:/\n4:memory:/jobs/7:a\n2:cpu,cpuacct:/slow\n0::/\n";
  expect(controlGroupsOf(old, "memory")).toEqual(["/jobs/7:a", "/jobs", ""]);
  expect(controlGroupsOf(old, "cpu")).toEqual(["/slow", ""]);
  expect(controlGroupsOf(old, "")).toEqual([""]);
  expect(controlGroupsOf("", "")).toEqual([""]);
  expect(controlGroupsOf("0::relative\nbroken", "")).toEqual([""]);
});
