import { expect, test } from "bun:test";
import { detectMacos, macosDiskKindOf, macosLinkSpeedOf } from "./macos.ts";

const DISKUTIL = `   Device Identifier:         disk3s5
   Device Node:               /dev/disk3s5
   Protocol:                  Apple Fabric
   Solid State:               Yes
`;
const IFCONFIG = `en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
	media: autoselect (1000baseT <full-duplex>)
	status: active
`;

test("macosDiskKindOf() tells solid state from rotating disks", () => {
  expect(macosDiskKindOf(DISKUTIL)).toBe("ssd");
  expect(macosDiskKindOf(DISKUTIL.replace("Yes", "No"))).toBe("hdd");
  expect(macosDiskKindOf(undefined)).toBe("unknown");
});

test("macosLinkSpeedOf() reads the negotiated speed, which wireless interfaces do not give", () => {
  expect(macosLinkSpeedOf(IFCONFIG)).toBe(1e9);
  expect(macosLinkSpeedOf("media: autoselect (10Gbase-T <full-duplex>)")).toBe(1e10);
  expect(macosLinkSpeedOf("media: autoselect")).toBeUndefined();
});

test("detectMacos() asks about the volume of the data directory and the interface of the default route", async () => {
  const answers: Record<string, string> = {
    df: "Filesystem 512-blocks Used Available Capacity Mounted on\n/dev/disk3s5 1 1 1 1% /System/Volumes/Data\n",
    diskutil: DISKUTIL,
    route: "   route to: default\n  interface: en0\n",
    ifconfig: IFCONFIG,
  };
  const asked: string[] = [];
  const run = async (command: string[]) => {
    asked.push(command.join(" "));
    return answers[command[0]?.split("/").at(-1) ?? ""];
  };
  expect(await detectMacos("/Users/n/neson", run)).toMatchObject({ diskKind: "ssd", linkBitsPerSecond: 1e9 });
  expect(asked).toContain("/usr/sbin/diskutil info /dev/disk3s5");
  expect(await detectMacos("/x", async () => undefined)).toMatchObject({ diskKind: "unknown" });
});
