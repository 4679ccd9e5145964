const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const IMF_FIXDATE = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const RFC_850 = /^[A-Z][a-z]{5,8}, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;

/**
 * Milliseconds since the Unix epoch of an HTTP-date in any of its three formats (RFC 9110 section 5.6.7), or undefined. A two-digit year is
 * read as 1970–2069: no clock is needed, and such dates are only ever in the past.
 */
export function parseHttpDate(text: string): number | undefined {
  const fixed = IMF_FIXDATE.exec(text);
  if (fixed) return toMs(fixed[3], fixed[2], fixed[1], fixed.slice(4, 7));
  const old = RFC_850.exec(text);
  if (old) return toMs(String(Number(old[3]) + (Number(old[3]) < 70 ? 2000 : 1900)), old[2], old[1], old.slice(4, 7));
  const asc = ASCTIME.exec(text);
  return asc ? toMs(asc[6], asc[1], asc[2], asc.slice(3, 6)) : undefined;
}

function toMs(year = "", monthName = "", day = "", time: string[] = []): number | undefined {
  const month = MONTHS.indexOf(monthName);
  const [hour = 99, minute = 99, second = 99] = time.map(Number);
  // Second 60 is a leap second, which the grammar allows.
  if (month < 0 || Number(day) < 1 || Number(day) > 31 || hour > 23 || minute > 59 || second > 60) return undefined;
  return Date.UTC(Number(year), month, Number(day), hour, minute, second);
}
