const UNITS: readonly [number, string][] = [
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
];
const LEADS = [9, 8, 7, 6, 5, 4, 3, 2.5, 2, 1.5, 1];

/** The largest size at or below that many bytes which is pleasant to read and to type: "400GB", "1.5TB"; at least "1MB". */
export function friendlySize(bytes: number): string {
  const power = 10 ** Math.floor(Math.log10(Math.max(bytes, 1e6)));
  const lead = LEADS.find((candidate) => candidate * power <= bytes) ?? 1;
  const value = lead * power;
  const [unitBytes, unit] = UNITS.find(([least]) => value >= least) ?? [1e6, "MB"];
  return `${value / unitBytes}${unit}`;
}
