const ELF_MACHINES: Record<number, string> = { 62: "x86-64", 183: "AArch64" };
const PE_MACHINES: Record<number, string> = { 34404: "x86-64", 43620: "AArch64" };
const MACH_O_64 = 0xfeedfacf;
const MACH_O_CPUS: Record<number, string> = { 16777228: "arm64", 16777223: "x86-64" };
const LC_CODE_SIGNATURE = 0x1d;
const MACH_O_HEADER_BYTES = 32;

/**
 * What kind of program a file is, from its first bytes (4 KiB are enough): "ELF x86-64", "PE x86-64", "Mach-O arm64, signed". macOS on arm64 starts
 * nothing unsigned, so that is part of the answer. "unknown" for everything else.
 */
export function executableKind(head: Uint8Array): string {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.byteLength < 64) return "unknown";
  if (view.getUint32(0) === 0x7f454c46) return `ELF ${ELF_MACHINES[view.getUint16(18, true)] ?? "unknown"}`;
  if (view.getUint16(0) === 0x4d5a) return portableKind(view);
  if (view.getUint32(0, true) === MACH_O_64) return machKind(view);
  return "unknown";
}

/** The PE header lies where the DOS header's field at 60 says. */
function portableKind(view: DataView): string {
  const at = view.getUint32(60, true);
  if (at + 6 > view.byteLength || view.getUint32(at) !== 0x50450000) return "unknown";
  return `PE ${PE_MACHINES[view.getUint16(at + 4, true)] ?? "unknown"}`;
}

function machKind(view: DataView): string {
  const cpu = MACH_O_CPUS[view.getUint32(4, true)] ?? "unknown";
  let at = MACH_O_HEADER_BYTES;
  for (let left = view.getUint32(16, true); left > 0 && at + 8 <= view.byteLength; left--) {
    if (view.getUint32(at, true) === LC_CODE_SIGNATURE) return `Mach-O ${cpu}, signed`;
    at += Math.max(8, view.getUint32(at + 4, true));
  }
  return `Mach-O ${cpu}`;
}
