import { expect } from "bun:test";
import { until } from "../e2e/network.ts";
import type { Visit } from "./download.ts";
import { faultTest } from "./fault-test.ts";
import { startLoad, summarise } from "./load.ts";

const LOSSY_MS = 12_000;

faultTest(
  "a Terminal that loses half of its packets: nobody gets wrong bytes, nobody gives up, and it is back when that is over",
  { path: import.meta.path, timeoutMs: 80_000 },
  async (stage) => {
    const terminals = await stage.startAll();
    const [victim] = terminals;
    let visits: Visit[];
    {
      await using load = startLoad(stage);
      visits = load.visits;
      await load.allServe(terminals, 5);
      await victim.spoil({ lossRatio: 0.5 });
      const spoiledAtMs = performance.now();
      await until(
        "downloads that ended meanwhile",
        () => {
          return (
            visits.filter(({ endedAtMs }) => endedAtMs > spoiledAtMs).length > 200 &&
            performance.now() > spoiledAtMs + LOSSY_MS
          );
        },
        40_000,
      );
      await victim.spoil({});
      await load.isBack(victim);
    }
    const summary = summarise("half of the packets lost", visits, stage, victim);
    expect(summary).toMatchObject({ wrong: 0, failed: [], troubleElsewhere: [] });
    expect(summary.vainTries).toBeLessThan(summary.downloads / 5);
  },
);
