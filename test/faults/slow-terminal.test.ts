import { expect } from "bun:test";
import { until } from "../e2e/network.ts";
import type { Visit } from "./download.ts";
import { faultTest } from "./fault-test.ts";
import { startLoad, summarise } from "./load.ts";

const SLOW_BYTES_PER_SECOND = 20_000;
/** Answers of the Router that are looked at, after those of the first moments. */
const FIRST_MOMENTS_MS = 2000;
const ANSWERS = 100;
/** Where clients are held up, it takes no longer than this. */
const SLOW_MS = 15_000;

faultTest(
  "a Terminal that sends 20 kB/s: every download ends well, and most viewers are spared it",
  { path: import.meta.path, timeoutMs: 60_000 },
  async (stage) => {
    const terminals = await stage.startAll();
    const [victim] = terminals;
    let visits: Visit[];
    let later: Visit["steered"] = [];
    {
      await using load = startLoad(stage);
      visits = load.visits;
      await load.allServe(terminals, 5);
      await victim.spoil({ rateBytesPerSecond: SLOW_BYTES_PER_SECOND, delayMs: 100 });
      const slowSinceMs = performance.now();
      await until("enough answers, or enough time", () => {
        later = load.steered().filter(({ atMs }) => atMs > slowSinceMs + FIRST_MOMENTS_MS);
        return later.length >= ANSWERS || performance.now() > slowSinceMs + SLOW_MS;
      });
      await victim.spoil({});
      await load.isBack(victim);
    }
    const summary = summarise("a slow Terminal", visits, stage, victim);
    expect(summary).toMatchObject({ wrong: 0, failed: [], troubleElsewhere: [] });
    expect(summary.vainTries).toBeLessThan(summary.downloads / 3);
    const toVictim = later.filter(({ to }) => to[0] === victim.endpoint).length;
    console.log(`of ${later.length} answers, ${toVictim} sent to the slow Terminal`);
    // A third of them would be its share if it were as fast as the others.
    if (!stage.ground.holdsBack) return;
    expect(later.length).toBeGreaterThan(ANSWERS / 4);
    expect(toVictim).toBeLessThan(later.length / 4);
  },
);
