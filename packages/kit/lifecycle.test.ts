import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "neson-lifecycle-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const MODULE = JSON.stringify(join(import.meta.dir, "lifecycle.ts"));
const ERROR = JSON.stringify(join(import.meta.dir, "error.ts"));

/** Runs a program around `runService` and collects what it prints. */
function run(body: string, env: Record<string, string> = {}) {
  const script = `
    const { runService } = await import(${MODULE});
    const { NesonError } = await import(${ERROR});
    const readyFile = ${JSON.stringify(join(directory, "ready.json"))};
    const service = (onStop) => ({ ready: { port: 7 }, [Symbol.asyncDispose]: onStop });
    ${body}`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...env },
  });
  return child;
}

async function ready(): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!existsSync(join(directory, "ready.json"))) {
    if (performance.now() > endMs) throw new Error("ready file did not appear within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const NORMAL = `await runService(async () => service(async () => console.log("stopped")), { readyFile });`;

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`runService() writes the ready file, and on ${signal} removes it, stops in order and exits 0`, async () => {
    const child = run(NORMAL);
    await ready();
    expect(JSON.parse(readFileSync(join(directory, "ready.json"), "utf8"))).toEqual({ port: 7 });
    child.kill(signal);
    expect(await child.exited).toBe(0);
    expect(await new Response(child.stdout).text()).toBe("stopped\n");
    expect(existsSync(join(directory, "ready.json"))).toBe(false);
  });
}

test("runService() exits at once on a second signal", async () => {
  const child = run(
    `await runService(async () => service(() => { console.log("stopping"); return new Promise(() => setInterval(() => {}, 1000)); }), { readyFile });`,
  );
  await ready();
  child.kill("SIGTERM");
  await child.stdout.getReader().read();
  child.kill("SIGTERM");
  expect(await child.exited).toBe(130);
});

test("runService() stops when standard input ends, if told to stop with its parent", async () => {
  const child = run(NORMAL, { NESON_STOP_WITH_PARENT: "1" });
  await ready();
  child.stdin.end();
  expect(await child.exited).toBe(0);
  expect(await new Response(child.stdout).text()).toBe("stopped\n");
});

test("runService() breaks off a start that the signal interrupts, and exits 0", async () => {
  const child = run(`await runService(async (signal) => {
    console.log("starting");
    await new Promise((_, reject) => { signal.addEventListener("abort", () => reject(signal.reason)); setInterval(() => {}, 1000); });
  });`);
  await child.stdout.getReader().read();
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

test("runService() prints one line and exits 2 when the operator has to act", async () => {
  const child = run(`await runService(async () => {
    throw new NesonError("port-in-use", "cannot listen on 127.0.0.1:80", { fault: "operator", cause: new Error("EADDRINUSE") });
  });`);
  expect(await child.exited).toBe(2);
  expect(await new Response(child.stderr).text()).toBe("neson: cannot listen on 127.0.0.1:80: EADDRINUSE\n");
});

test("runService() exits 1 with a stack on any other failure", async () => {
  const child = run(`await runService(async () => { throw new TypeError("oops"); });`);
  expect(await child.exited).toBe(1);
  expect(await new Response(child.stderr).text()).toContain("TypeError: oops");
});

test("runService() stops the service and exits 2 when the ready file cannot be written", async () => {
  const child = run(
    `await runService(async () => service(async () => console.log("stopped")), { readyFile: "/nonexistent/ready" });`,
  );
  expect(await child.exited).toBe(2);
  expect(await new Response(child.stdout).text()).toBe("stopped\n");
  expect(await new Response(child.stderr).text()).toContain("cannot write ready file /nonexistent/ready");
});
