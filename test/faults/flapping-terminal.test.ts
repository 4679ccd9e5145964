import { expect } from "bun:test";
import { until } from "../e2e/network.ts";
import type { Visit } from "./download.ts";
import { faultTest } from "./fault-test.ts";
import { CLIENTS, startLoad, summarise } from "./load.ts";

const ROUNDS = 6;
const AFTERWARDS = 20;
const CRASHES = 3;
/** From the crash on, the Router may name the Terminal for so long; 3 s would be too late. */
const GRACE_MS = 1000;

faultTest(
  "a Terminal that joins and leaves every second: nobody fails, and it is one like the others once it stays",
  { path: import.meta.path, timeoutMs: 60_000 },
  async (stage) => {
    for (const number of [2, 3]) await stage.start(number);
    for (const target of stage.files.keys()) await (await fetch(stage.siteUrl + target)).arrayBuffer();
    const flapping = await stage.start(1, { flapMs: 1000 });
    let visits: Visit[];
    let steadySinceMs = 0;
    {
      await using load = startLoad(stage);
      visits = load.visits;
      const departures = () => flapping.running.output.match(/"control channel closed"/g)?.length ?? 0;
      await until("it to come and go", () => departures() >= ROUNDS, 40_000);
      expect(load.sentTo(flapping)).toBeGreaterThan(ROUNDS);
      await flapping.running[Symbol.asyncDispose]();
      const steady = await stage.start(1);
      steadySinceMs = performance.now();
      expect(steady.terminalId).toBe(flapping.terminalId);
      await load.isBack(steady, AFTERWARDS);
    }
    const summary = summarise("a flapping Terminal", visits, stage, flapping);
    expect(summary).toMatchObject({ wrong: 0, failed: [], troubleElsewhere: [] });
    // One at most for each client at each departure.
    expect(summary.vainTries).toBeLessThanOrEqual(CLIENTS * ROUNDS);
    const afterwards = summarise(
      "once it stays",
      visits.filter(({ beganAtMs }) => beganAtMs > steadySinceMs),
      stage,
      flapping,
    );
    expect(afterwards.vainTries).toBe(0);
  },
);

faultTest(
  "a Terminal that crashes and starts over and over: nobody is sent there a second after a crash, and nobody fails",
  { path: import.meta.path, timeoutMs: 60_000 },
  async (stage) => {
    const [first] = await stage.startAll();
    let victim = first;
    let visits: Visit[];
    /** From a second after each crash until the Terminal is started again. */
    const gaps: { fromMs: number; toMs: number }[] = [];
    {
      await using load = startLoad(stage);
      visits = load.visits;
      for (let crash = 0; crash < CRASHES; crash += 1) {
        const sinceMs = performance.now();
        await until("it to serve", () => {
          return load.steered().some(({ atMs, to }) => atMs > sinceMs && to[0] === victim.endpoint);
        });
        process.kill(victim.pid, "SIGKILL");
        const crashedAtMs = performance.now();
        await victim.running.process.exited;
        await until("answers without it", () => {
          return load.steered().filter(({ atMs }) => atMs > crashedAtMs + GRACE_MS).length >= AFTERWARDS;
        });
        gaps.push({ fromMs: crashedAtMs + GRACE_MS, toMs: performance.now() });
        victim = await stage.start(1);
        expect(victim.endpoint).toBe(first.endpoint);
      }
    }
    const inGaps = visits
      .flatMap(({ steered }) => steered)
      .filter(({ atMs }) => gaps.some(({ fromMs, toMs }) => atMs > fromMs && atMs < toMs));
    expect(inGaps.length).toBeGreaterThanOrEqual(CRASHES * AFTERWARDS);
    expect(inGaps.filter(({ to }) => to.includes(first.endpoint))).toEqual([]);
    const summary = summarise("a Terminal that crashes again and again", visits, stage, first);
    expect(summary).toMatchObject({ wrong: 0, failed: [], troubleElsewhere: [] });
    expect(summary.vainTries).toBeLessThanOrEqual(CLIENTS * CRASHES);
  },
);
