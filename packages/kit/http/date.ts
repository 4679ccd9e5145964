const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAY = "(?:mon|tue|wed|thu|fri|sat|sun)";
const TIME = "(\\d\\d):(\\d\\d):(\\d\\d)";

// RFC 9110 5.6.7: the three forms. RFC 9111 4.2: matched without case, and no zone but GMT.
const IMF = new RegExp(`^${DAY}, (\\d\\d) ([a-z]{3}) (\\d{4}) ${TIME} gmt$`);
const RFC850 = new RegExp(`^(?:mon|tues|wednes|thurs|fri|satur|sun)day, (\\d\\d)-([a-z]{3})-(\\d\\d) ${TIME} gmt$`);
const ASCTIME = new RegExp(`^${DAY} ([a-z]{3}) ([ \\d]\\d) ${TIME} (\\d{4})$`);

/** With it, two-digit years mean 1970 to 2069: good for dates that are only compared with each other. */
const COMPARED_MS = Date.UTC(2019, 0);

/**
 * Reads an HTTP-date (RFC 9110 5.6.7) as milliseconds since 1970; undefined when it is not one. Never throws.
 * @param referenceMs decides the century of two-digit years: more than 50 years ahead of it means the past
 */
export function parseHttpDate(text: string, referenceMs = COMPARED_MS): number | undefined {
  if (text.length > 64) return undefined;
  const lower = text.trim().toLowerCase();
  const imf = IMF.exec(lower);
  if (imf) return toMs(Number(imf[3]), imf[2], imf[1], imf[4], imf[5], imf[6]);
  const old = RFC850.exec(lower);
  if (old) return toMs(fullYear(Number(old[3]), referenceMs), old[2], old[1], old[4], old[5], old[6]);
  const asctime = ASCTIME.exec(lower);
  if (asctime) return toMs(Number(asctime[6]), asctime[1], asctime[2], asctime[3], asctime[4], asctime[5]);
  return undefined;
}

/** Writes milliseconds since 1970 as an IMF-fixdate (RFC 9110 5.6.7). */
export function formatHttpDate(timeMs: number): string {
  return new Date(timeMs).toUTCString();
}

function fullYear(twoDigits: number, referenceMs: number): number {
  const referenceYear = new Date(referenceMs).getUTCFullYear();
  const year = referenceYear - (referenceYear % 100) + twoDigits;
  return year > referenceYear + 50 ? year - 100 : year;
}

function toMs(year: number, monthName = "", day = "", hour = "", minute = "", second = ""): number | undefined {
  const month = MONTHS.indexOf(monthName);
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second)];
  // 60 is a leap second (RFC 9110 5.6.7).
  if (month < 0 || d < 1 || h > 23 || m > 59 || s > 60) return undefined;
  const ms = Date.UTC(year, month, d, h, m, s);
  // Date.UTC rolls 31 February over into March, and reads years under 100 as 19xx.
  return year >= 1000 && new Date(Date.UTC(year, month, d)).getUTCDate() === d ? ms : undefined;
}
