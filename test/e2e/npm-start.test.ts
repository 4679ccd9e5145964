import { expect, test } from "bun:test";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { type Facts, isAlive, ROOT, temporaryDirectory, until } from "./network.ts";

test("npm start takes the whole network with it when npm alone is told to stop", async () => {
  await using directory = await temporaryDirectory();
  const readyFile = join(directory.path, "ready.json");
  const args = ["--port", "0", "--terminals", "2", "--data", join(directory.path, "data"), "--ready-file", readyFile];
  const npm = Bun.spawn(["npm", "start", "--silent", "--", ...args], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "ignore"],
    env: { ...process.env, NESON_STOP_WITH_PARENT: "" },
  });
  const facts = await until("the ready file", async () => {
    const file = Bun.file(readyFile);
    return (await file.exists()) ? ((await file.json()) as Facts) : undefined;
  });
  const pids = [facts.pids.router, ...facts.pids.terminals, facts.pids.origin ?? 0];
  expect(pids.every(isAlive)).toBe(true);
  npm.kill("SIGTERM");
  await npm.exited;
  await until("every process has ended", () => !pids.some(isAlive));
  await until("the ready file is gone", () =>
    access(readyFile).then(
      () => false,
      () => true,
    ),
  );
});
