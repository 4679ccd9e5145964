import { expect } from "bun:test";
import { until } from "../e2e/network.ts";
import { sha256Of } from "../e2e/origin.ts";
import { needs } from "../needs.ts";
import { DOWNLOADER, type Visit } from "./download.ts";
import { faultTest } from "./fault-test.ts";
import { CLIENTS, startLoad, summarise } from "./load.ts";
import { downloadWith } from "./programs.ts";
import type { FaultStage } from "./stage.ts";

const PROGRAMS = (["curl", "aria2c"] as const).filter((program) => needs(program));
/**
 * From the first viewer that is sent there in vain: 2 s until the last claim of the time before, 3 s without another, a second until the Router looks, two
 * calls of 2.5 s each, and 2 s for a busy machine.
 */
const FOUND_OUT_MS = 13_000;
/** 3 s of silence, looked for twice a second, and a second for a busy machine. */
const SILENT_MS = 4500;
const AFTERWARDS = 100;
const PROGRAM_FILES = 4;

faultTest(
  "a half-dead Terminal, whose viewers get no answer while its control channel is well: nobody is sent there for long",
  { path: import.meta.path, timeoutMs: 60_000 },
  async (stage) => {
    const terminals = await stage.startAll();
    const [victim] = terminals;
    let visits: Visit[];
    let spoiledAtMs = 0;
    {
      await using load = startLoad(stage);
      visits = load.visits;
      await load.allServe(terminals, 5);
      await victim.spoil({ isMute: true });
      spoiledAtMs = performance.now();
      await downloadAllWithPrograms(stage);
      const inVain = () => load.steered().find(({ atMs, to }) => atMs > spoiledAtMs && to[0] === victim.endpoint);
      const sinceMs = (await until("a viewer to be sent there", inVain)).atMs;
      const after = () => load.steered().filter(({ atMs }) => atMs > sinceMs + FOUND_OUT_MS);
      await until("answers after it must have been found out", () => after().length >= AFTERWARDS, 30_000);
      expect(after().filter(({ to }) => to.includes(victim.endpoint))).toEqual([]);
      const last = load.steered().findLast(({ to }) => to.includes(victim.endpoint))?.atMs ?? sinceMs;
      console.log(`last named ${Math.round(last - sinceMs)} ms after the first viewer was sent there in vain`);
      expect((await stage.seen(victim.terminalId))?.storedObjects).toBe(stage.files.size);
      await victim.spoil({});
      await load.isBack(victim);
    }
    const summary = summarise("a half-dead Terminal", visits, stage, victim);
    expect(summary).toMatchObject({ wrong: 0, failed: [], troubleElsewhere: [] });
    // No more than if every client ran into it again and again until it is found out.
    expect(summary.vainTries).toBeLessThanOrEqual(CLIENTS * Math.ceil(FOUND_OUT_MS / DOWNLOADER.idleMs));
  },
);

faultTest(
  "a Terminal whose process stands still: nobody is sent there once it was silent for 3 s, and it is back when it moves again",
  { path: import.meta.path, timeoutMs: 40_000 },
  async (stage) => {
    const terminals = await stage.startAll();
    const [victim] = terminals;
    let visits: Visit[];
    {
      await using load = startLoad(stage);
      visits = load.visits;
      await load.allServe(terminals, 5);
      process.kill(victim.pid, "SIGSTOP");
      const stoppedAtMs = performance.now();
      const after = () => load.steered().filter(({ atMs }) => atMs > stoppedAtMs + SILENT_MS);
      try {
        await downloadAllWithPrograms(stage);
        await until("answers after it must have been missed", () => after().length >= AFTERWARDS);
        expect(after().filter(({ to }) => to.includes(victim.endpoint))).toEqual([]);
      } finally {
        process.kill(victim.pid, "SIGCONT");
      }
      await load.isBack(victim);
    }
    const summary = summarise("a Terminal that stands still", visits, stage, victim);
    expect(summary).toMatchObject({ wrong: 0, failed: [], troubleElsewhere: [] });
    expect(summary.vainTries).toBeLessThanOrEqual(CLIENTS * Math.ceil(SILENT_MS / DOWNLOADER.idleMs));
  },
);

/** As many downloads as there are programs and files, all at once. */
async function downloadAllWithPrograms({ siteUrl, files }: FaultStage): Promise<void> {
  await Promise.all(
    PROGRAMS.flatMap((program) =>
      [...files].slice(0, PROGRAM_FILES).map(async ([target, bytes]) => {
        const run = await downloadWith(program, siteUrl + target);
        expect({ program, target, ...run }).toEqual({ program, target, code: 0, sha256: sha256Of(bytes) });
      }),
    ),
  );
}
