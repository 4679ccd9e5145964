const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** A number of bytes for people, three digits at most: "1.53 GiB", "64 KiB". */
export function sizeText(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${UNITS[unit]}`;
}
