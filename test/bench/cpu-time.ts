import { readdir, readFile } from "node:fs/promises";

/** Linux counts in hundredths of a second, whatever the kernel's own tick (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Processor seconds, user and system, that a process and its children have used so far. */
export async function cpuSeconds(pid: number): Promise<number> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(names.map(readStat));
  let sum = 0;
  for (const line of lines) {
    const stat = parseStat(line);
    if (stat !== undefined && (stat.pid === pid || stat.parentPid === pid)) sum += stat.cpuSeconds;
  }
  return sum;
}

/** A process may be gone between listing and reading. */
async function readStat(pid: string): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/stat`, "utf8");
  } catch {
    return "";
  }
}

/** Reads a line of /proc/<pid>/stat (proc(5)); undefined when it is none. */
export function parseStat(line: string): { pid: number; parentPid: number; cpuSeconds: number } | undefined {
  // The name, in parentheses, may itself hold spaces and parentheses.
  const match = /^(\d+) \(.*\) \S (.*)$/s.exec(line.trim());
  if (match === null) return undefined;
  const fields = (match[2] ?? "").split(" ");
  return {
    pid: Number(match[1]),
    parentPid: Number(fields[0]),
    cpuSeconds: (Number(fields[10]) + Number(fields[11])) / TICKS_PER_SECOND,
  };
}
