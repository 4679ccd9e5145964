import { expect, test } from "bun:test";
import { systemClock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import type { PanelActions, PanelSources } from "@neson/terminal/panel/sources";
import { realisticSources } from "@neson/terminal/panel/testing/realistic-sources";
import { startPanel } from "@neson/terminal/panel/testing/start-panel";
import { temporaryDirectory } from "@neson/terminal/testing/temporary";
import { leaveTerminal } from "./leave.ts";
import { openPanel, type PanelClient } from "./panel-client.ts";

/** A panel that says it is of the directory its file is in, and a client of it. */
async function openTestPanel(changes: Partial<PanelSources>, actions: Partial<PanelActions>) {
  const base = realisticSources(systemClock.nowMs, changes);
  const place = { dataDir: "" };
  const test = await startPanel(
    { ...changes, identity: () => ({ ...base.identity(), dataDir: place.dataDir, startedAtMs: 5 }) },
    actions,
  );
  place.dataDir = test.dataDir;
  return { ...test, client: (await openPanel(test.dataDir, fetch)) as PanelClient };
}

function depsOf(dataDir: string, said: string[]) {
  return { dataDir, say: (line: string) => void said.push(line), clock: systemClock, withinMs: 5000 };
}

test("leaveTerminal() tells the open transfers and resolves when the panel is gone", async () => {
  let openTransfers = 3;
  const said: string[] = [];
  const left = Promise.withResolvers<void>();
  const load = { connections: 1, egressBytesPerSecond: 0, cpuLoad: 0, freeMemoryBytes: 1 };
  const test = await openTestPanel({ load: () => ({ ...load, openTransfers }) }, { leave: () => left.promise });
  const leaving = leaveTerminal(test.client, {
    ...depsOf(test.dataDir, said),
    say: (line) => {
      said.push(line);
      if (line.includes("3 open transfers")) openTransfers = 1;
      if (line.includes("1 open transfer")) openTransfers = 0;
      if (line.includes("no open transfers")) {
        left.resolve();
        void test[Symbol.asyncDispose]();
      }
    },
  });
  expect(await leaving).toEqual({ isBack: false });
  expect(said.slice(0, 4)).toEqual([
    "leaving: the Router is told to send nobody here any more",
    "waiting for 3 open transfers",
    "waiting for 1 open transfer",
    "no open transfers; settling claims",
  ]);
});

test("leaveTerminal() tells the Terminal's refusal", async () => {
  const refuse = async () => {
    throw new NesonError("leaving-already", "it is leaving already", { fault: "caller" });
  };
  await using test = await openTestPanel({}, { leave: refuse });
  const failure = { code: "leaving-already", message: "the Terminal refused leave: it is leaving already" };
  await expect(leaveTerminal(test.client, depsOf(test.dataDir, []))).rejects.toMatchObject(failure);
});

test("leaveTerminal() gives up after its time, and says that nothing is lost", async () => {
  await using test = await openTestPanel({}, { leave: () => new Promise(() => {}) });
  const deps = { ...depsOf(test.dataDir, []), withinMs: 300 };
  await expect(leaveTerminal(test.client, deps)).rejects.toMatchObject({ code: "still-leaving" });
});

test("leaveTerminal() finds nobody where a killed Terminal left its file", async () => {
  const test = await openTestPanel({}, {});
  await test[Symbol.asyncDispose]();
  const expected = { code: "not-running", message: expect.stringContaining(test.dataDir) };
  await expect(leaveTerminal(test.client, depsOf(test.dataDir, []))).rejects.toMatchObject(expected);
});

test("openPanel() gives undefined where there is no file, and refuses a damaged one by name", async () => {
  using directory = temporaryDirectory();
  expect(await openPanel(directory.path, fetch)).toBeUndefined();
  await Bun.write(`${directory.path}/panel.json`, '{"url": "ftp://x"}');
  const expected = { code: "bad-answer", message: expect.stringContaining(`${directory.path}/panel.json.url`) };
  await expect(openPanel(directory.path, fetch)).rejects.toMatchObject(expected);
});

test("PanelClient.status() takes a Terminal with another data directory for nobody", async () => {
  await using test = await startPanel();
  const client = (await openPanel(test.dataDir, fetch)) as PanelClient;
  expect(await client.status()).toBeUndefined();
});
