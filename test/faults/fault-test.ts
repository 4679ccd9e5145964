import { expect, test } from "bun:test";
import { relative } from "node:path";
import { ROOT } from "../e2e/network.ts";
import { needs } from "../needs.ts";
import { FIT_OUT, IN_NAMESPACES, mayUseNamespaces, openNamespaceGround } from "./namespace-ground.ts";
import { openProxyGround } from "./proxy-ground.ts";
import { type FaultStage, openStage } from "./stage.ts";

/** Set to 1 where a test file runs once more, inside namespaces. */
const INSIDE = "NESON_FAULTS_INSIDE";
const isInside = process.env[INSIDE] === "1";

/**
 * One thing that can go wrong with a Terminal, as a test on lines by proxy, and as another on lines between network namespaces where this machine has
 * them. A scenario that `mounts` something needs namespaces for both. For the second the test file, `path`, runs again in namespaces of its own: whatever happens there, nothing of it is left.
 */
export function faultTest(
  name: string,
  { path, timeoutMs, mounts = false }: { path: string; timeoutMs: number; mounts?: boolean },
  scenario: (stage: FaultStage) => Promise<void>,
): void {
  if (isInside) {
    test(name, () => onGround(openNamespaceGround(), scenario), timeoutMs);
    return;
  }
  const isPossible = needs("ip", "tc", "unshare", "nsenter") && mayUseNamespaces();
  const byProxy = mounts ? test.skipIf(!isPossible) : test;
  byProxy(`${name}, by proxy`, () => onGround(openProxyGround(), scenario), timeoutMs);
  test.skipIf(!isPossible)(
    `${name}, between network namespaces`,
    () => runInside(path, name, timeoutMs),
    timeoutMs + 5000,
  );
}

async function onGround(
  ground: ReturnType<typeof openProxyGround>,
  scenario: (stage: FaultStage) => Promise<void>,
): Promise<void> {
  await using stage = await openStage(ground);
  await scenario(stage);
}

async function runInside(path: string, name: string, timeoutMs: number): Promise<void> {
  const again = [process.execPath, "test", `./${relative(ROOT, path)}`, "-t", `^${RegExp.escape(name)}$`];
  const child = Bun.spawn([...IN_NAMESPACES, "sh", "-c", `${FIT_OUT} && exec "$0" "$@"`, ...again], {
    cwd: ROOT,
    env: { ...process.env, [INSIDE]: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  // Takes all that runs inside with it.
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const [out, complaints, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  if (code !== 0) throw new Error(`inside the namespaces it ended with ${code}:\n${out}\n${complaints}`);
  // What the scenario printed, without the runner's first line.
  console.log(out.split("\n").slice(1).join("\n").trim());
  expect(complaints).toMatch(/\n 1 pass\n/);
}
