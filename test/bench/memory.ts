import { readdir, readFile } from "node:fs/promises";

/** Resident memory of a process and its children, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const statuses = await Promise.all(names.map((name) => readFile(`/proc/${name}/status`, "utf8").catch(() => "")));
  let bytes = 0;
  for (const status of statuses) {
    const own = Number(/^Pid:\s+(\d+)$/m.exec(status)?.[1]);
    const parent = Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
    if (own === pid || parent === pid) bytes += Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  }
  return bytes;
}
