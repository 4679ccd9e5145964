import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Debian package of each program that tests use beside Bun. */
const PACKAGE_OF = {
  aria2c: "aria2",
  chromium: "chromium",
  curl: "curl",
  h2load: "nghttp2-client",
  nghttp: "nghttp2-client",
  "nats-server": "nats-server",
  ip: "iproute2",
  nginx: "nginx-light",
  nsenter: "util-linux",
  postgres: "postgresql",
  shellcheck: "shellcheck",
  "systemd-analyze": "systemd",
  tc: "iproute2",
  unshare: "util-linux",
  varnishd: "varnish",
  wrk: "wrk",
} as const;

/** A program that a test can need. */
export type Program = keyof typeof PACKAGE_OF;

const hinted = new Set<Program>();

/**
 * Whether every named program is installed, for `test.skipIf(!needs("aria2c"))(…)`. Where one is missing it prints, once, which Debian
 * package has it; in CI (CI=true) it throws instead, because there nothing may be skipped.
 */
export function needs(...programs: Program[]): boolean {
  const missing = programs.filter((program) => pathOf(program) === undefined);
  if (missing.length === 0) return true;
  const packages = missing.map((program) => PACKAGE_OF[program]).join(" ");
  const hint = `${missing.join(", ")} not found; to run these tests: apt-get install --no-install-recommends ${packages}`;
  if (process.env.CI === "true") throw new Error(`in CI no test is skipped: ${hint}`);
  if (missing.some((program) => !hinted.has(program))) console.error(`skipped: ${hint}`);
  for (const program of missing) hinted.add(program);
  return false;
}

/** Absolute path of a program, or undefined; servers are looked for in sbin too, which is not on every PATH, and PostgreSQL where Debian puts it. */
export function pathOf(program: Program): string | undefined {
  const places = [...postgresDirectories(), "/usr/sbin", "/usr/local/sbin"];
  return Bun.which(program) ?? places.map((place) => join(place, program)).find((path) => existsSync(path));
}

function postgresDirectories(): string[] {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return [];
  return readdirSync(root).map((version) => join(root, version, "bin"));
}
