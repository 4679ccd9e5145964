import { expect, test } from "bun:test";
import { join } from "node:path";

/** Asks `needs` in a process whose PATH is empty. */
function ask(env: Record<string, string>) {
  const module = JSON.stringify(join(import.meta.dir, "needs.ts"));
  const script = `const { needs } = await import(${module}); console.log(needs("aria2c"), needs("aria2c"));`;
  const result = Bun.spawnSync([process.execPath, "-e", script], {
    env: { PATH: "/nonexistent", ...env },
    stderr: "pipe",
  });
  return { code: result.exitCode, out: result.stdout.toString(), err: result.stderr.toString() };
}

test("needs() is false where a program is missing, and names the Debian package once", () => {
  const { code, out, err } = ask({});
  expect({ code, out }).toEqual({ code: 0, out: "false false\n" });
  expect(err.match(/apt-get install --no-install-recommends aria2\n/g)).toHaveLength(1);
});

test("needs() throws in CI where a program is missing", () => {
  const { code, err } = ask({ CI: "true" });
  expect(code).toBe(1);
  expect(err).toContain("in CI no test is skipped: aria2c not found");
});
