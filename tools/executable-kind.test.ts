import { expect, test } from "bun:test";
import { executableKind } from "./executable-kind.ts";

/** 4 KiB with numbers written into them: [offset, bytes, value, big-endian]. */
function file(...fields: [number, 2 | 4, number, "be"?][]): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  for (const [at, size, value, order] of fields) {
    if (size === 2) view.setUint16(at, value, order === undefined);
    else view.setUint32(at, value, order === undefined);
  }
  return bytes;
}

const ELF = [0, 4, 0x7f454c46, "be"] as const;
const MZ = [0, 2, 0x4d5a, "be"] as const;
const MACH_O = [0, 4, 0xfeedfacf] as const;

test.each<[string, Uint8Array]>([
  ["ELF x86-64", file([...ELF], [18, 2, 0x3e])],
  ["ELF AArch64", file([...ELF], [18, 2, 0xb7])],
  ["ELF unknown", file([...ELF], [18, 2, 0xf3])],
  ["PE x86-64", file([...MZ], [60, 4, 0x80], [0x80, 4, 0x50450000, "be"], [0x84, 2, 0x8664])],
  ["unknown", file([...MZ], [60, 4, 0x80])],
  ["unknown", file([...MZ], [60, 4, 0xffff_fff0])],
  ["Mach-O arm64", file([...MACH_O], [4, 4, 0x0100000c], [16, 4, 1], [32, 4, 0x19], [36, 4, 72])],
  [
    "Mach-O arm64, signed",
    file([...MACH_O], [4, 4, 0x0100000c], [16, 4, 2], [32, 4, 0x19], [36, 4, 72], [104, 4, 0x1d], [108, 4, 16]),
  ],
  ["Mach-O arm64", file([...MACH_O], [4, 4, 0x0100000c], [16, 4, 0xffff_ffff])],
  ["unknown", new Uint8Array(10)],
  ["unknown", new TextEncoder().encode("#!/bin/sh\n".repeat(100))],
])("executableKind() says %j", (kind, bytes) => {
  expect(executableKind(bytes)).toBe(kind);
});
