// Figures as text. Bytes in powers of 1024, three digits.

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

export function sizeText(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${UNITS[unit]}`;
}

export function rateText(bytesPerSecond) {
  return `${sizeText(bytesPerSecond)}/s`;
}

export function linkText(bitsPerSecond) {
  const steps = [
    [1e9, "Gbit/s"],
    [1e6, "Mbit/s"],
    [1e3, "kbit/s"],
  ];
  const [unit, name] = steps.find(([least]) => bitsPerSecond >= least) ?? [1, "bit/s"];
  return `${Number((bitsPerSecond / unit).toPrecision(3))} ${name}`;
}

export function countText(count) {
  return Math.round(count).toLocaleString("en");
}

/** Short enough for a label: 1,234 and 56.7k and 8.9M. */
export function shortCount(count) {
  if (count < 10_000) return countText(count);
  return count < 1e6 ? `${Number((count / 1e3).toPrecision(3))}k` : `${Number((count / 1e6).toPrecision(3))}M`;
}

/** Never says 100% or 0% of what is not wholly so. */
export function percentText(share) {
  const percent = share * 100;
  if (percent > 99.9 && percent < 100) return ">99.9%";
  if (percent > 0 && percent < 0.1) return "<0.1%";
  return `${percent.toFixed(percent === 100 || percent === 0 ? 0 : 1)}%`;
}

export function durationText(seconds) {
  if (seconds < MINUTE) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 2 * HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} days`;
}

/** "3 November" for "2026-11-03". */
export function dayText(day) {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "long", timeZone: "UTC" });
}

export function timeText(ms) {
  return new Date(ms).toLocaleTimeString("en-GB");
}

export function plural(count, one, many = `${one}s`) {
  return `${countText(count)} ${count === 1 ? one : many}`;
}
