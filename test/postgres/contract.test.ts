import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { needs } from "../needs.ts";
import { startPostgres } from "../services/postgres.ts";

const ROOT = join(import.meta.dir, "../..");
/** Everything of the Router that reads or writes its database. */
const FOLDERS = ["api", "catalog", "edge", "meter", "parts", "purge", "registry", "sites", "spend", "traffic"];
/** What is about connections, or about time, says nothing more on another database. */
const LEFT_OUT = /\/edge\/(content|failover|https-origins|slow-readers|tunnel|uploads)\.|\/purge\/large\./;
const SUITES = FOLDERS.flatMap((folder) => [...new Glob(`packages/router/${folder}/**/*.test.ts`).scanSync(ROOT)])
  .filter((file) => !LEFT_OUT.test(file))
  .map((file) => `./${file}`);

test.skipIf(!needs("postgres"))(
  "the Router's own tests pass on PostgreSQL as they do on SQLite",
  async () => {
    await using server = await startPostgres();
    const child = Bun.spawn([process.execPath, "test", "--timeout", "30000", ...SUITES], {
      cwd: ROOT,
      env: { ...process.env, NESON_TEST_POSTGRES: server.url },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [, said, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    const failures = said.split("\n").filter((line) => line.startsWith("(fail)"));
    expect([failures, code, said.slice(code === 0 ? said.length : -3000)]).toEqual([[], 0, ""]);
    expect(Number(/(\d+) pass/.exec(said)?.[1])).toBeGreaterThan(200);
  },
  420_000,
);
