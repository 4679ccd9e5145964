import { expect, test } from "bun:test";
import { systemClock } from "@neson/kit/clock";
import { realisticSources } from "@neson/terminal/panel/testing/realistic-sources";
import { startPanel } from "@neson/terminal/panel/testing/start-panel";
import { temporaryDirectory } from "@neson/terminal/testing/temporary";
import { openPanel } from "./panel-client.ts";
import { setQuota } from "./set-quota.ts";
import { readSettings, writeSettings } from "./settings-file.ts";

const GIB = 2 ** 30;

async function openTest() {
  const place = { dataDir: "" };
  const identity = () => ({ ...realisticSources(systemClock.nowMs).identity(), dataDir: place.dataDir });
  const test = await startPanel({ identity });
  place.dataDir = test.dataDir;
  return { ...test, client: await openPanel(test.dataDir, fetch) };
}

test("setQuota() tells the running Terminal and keeps it in terminal.json beside what is there", async () => {
  await using test = await openTest();
  await writeSettings(test.dataDir, { router: "http://r.example", quota: "1GB" });
  const lines = await setQuota(test.client, { dataDir: test.dataDir, quotaBytes: 300 * GIB, text: "300GiB" });
  expect(test.calls).toEqual([`quota ${300 * GIB}`]);
  expect(await readSettings(test.dataDir)).toEqual({ router: "http://r.example", quota: "300GiB" });
  expect(lines[0]).toBe("the quota is 300 GiB now; 132 GiB are used");
});

test("setQuota() says what happens to what is above it, and that flags would win at the next start", async () => {
  await using test = await openTest();
  const lines = await setQuota(test.client, { dataDir: test.dataDir, quotaBytes: GIB, text: "1GiB" });
  expect(lines).toHaveLength(3);
  expect(lines[1]).toContain("least wanted first");
  expect(lines[2]).toContain("--quota");
  expect(await readSettings(test.dataDir)).toBeUndefined();
});

test("setQuota() changes nothing when no Terminal runs, or its file is damaged", async () => {
  using directory = temporaryDirectory();
  const change = { dataDir: directory.path, quotaBytes: GIB, text: "1GiB" };
  await writeSettings(directory.path, { quota: "5GB" });
  await expect(setQuota(undefined, change)).rejects.toMatchObject({ code: "not-running" });
  expect(await readSettings(directory.path)).toEqual({ quota: "5GB" });

  await using test = await openTest();
  await Bun.write(`${test.dataDir}/terminal.json`, "{");
  const damaged = setQuota(test.client, { ...change, dataDir: test.dataDir });
  await expect(damaged).rejects.toMatchObject({ code: "bad-settings-file" });
  expect(test.calls).toEqual([]);
});
