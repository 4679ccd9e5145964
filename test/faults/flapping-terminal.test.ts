import { expect } from "bun:test";
import { until } from "../e2e/network.ts";
import type { Visit } from "./download.ts";
import { faultTest } from "./fault-test.ts";
import { CLIENTS, startLoad, summarise } from "./load.ts";

const ROUNDS = 6;
const AFTERWARDS = 20;

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
      const sentTo = (endpoint: string) => load.steered().filter(({ to }) => to[0] === endpoint).length;
      const departures = () => flapping.running.output.match(/"control channel closed"/g)?.length ?? 0;
      await until("it to come and go", () => departures() >= ROUNDS, 40_000);
      expect(sentTo(flapping.endpoint)).toBeGreaterThan(ROUNDS);
      await flapping.running[Symbol.asyncDispose]();
      const steady = await stage.start(1);
      steadySinceMs = performance.now();
      expect(steady.terminalId).toBe(flapping.terminalId);
      await until("it to serve again", () => {
        const answers = load.steered().filter(({ atMs }) => atMs > steadySinceMs);
        return answers.filter(({ to }) => to[0] === steady.endpoint).length >= AFTERWARDS;
      });
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
