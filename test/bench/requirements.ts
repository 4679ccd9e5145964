import { availableParallelism } from "node:os";
import { NesonError } from "@neson/kit/error";

/** Programs that the benchmarks drive, and the Debian package that brings each. */
const PACKAGE_OF = {
  nginx: "nginx-light",
  varnishd: "varnish",
  traffic_server: "trafficserver",
  wrk: "wrk",
  h2load: "nghttp2-client",
  openssl: "openssl",
  taskset: "util-linux",
} as const;

/** A program that a benchmark drives. */
export type Program = keyof typeof PACKAGE_OF;

/** The process exits with this when something that it needs is not installed. */
export const EXIT_MISSING = 3;

/**
 * Makes sure that everything is there before anything starts.
 * @param find gives a program's path, or null
 * @throws NesonError `missing-program` (operator) naming all that is missing and how to get it
 */
export function requirePrograms(
  programs: readonly Program[],
  find: (program: string) => string | null,
  cores = availableParallelism(),
): void {
  const missing = programs.filter((program) => find(program) === null);
  if (missing.length > 0) {
    const packages = missing.map((program) => PACKAGE_OF[program]).join(" ");
    const message = `Comparing needs ${programs.join(", ")}; not found: ${missing.join(", ")}. On Debian: apt-get install ${packages}`;
    throw new NesonError("missing-program", message, { fault: "operator" });
  }
  if (cores < 2) {
    const message = `Comparing needs two cores, one for the server and one for the load; found ${cores}`;
    throw new NesonError("missing-program", message, { fault: "operator" });
  }
}

/** nginx lies in a directory that is not on every user's path. */
export function findProgram(program: string): string | null {
  return Bun.which(program) ?? Bun.which(program, { PATH: "/usr/sbin:/usr/local/sbin:/sbin" });
}
