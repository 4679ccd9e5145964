import { expect } from "bun:test";
import { until } from "../e2e/network.ts";
import type { Visit } from "./download.ts";
import { faultTest } from "./fault-test.ts";
import { startLoad, summarise } from "./load.ts";

const TEN_MINUTES_MS = 600_000;

for (const [what, clockOffsetMs] of [
  ["ahead", TEN_MINUTES_MS],
  ["behind", -TEN_MINUTES_MS],
] as const) {
  faultTest(
    `a Terminal whose clock is 10 minutes ${what}: it serves and is paid as the others, and sends nobody away`,
    { path: import.meta.path, timeoutMs: 40_000 },
    async (stage) => {
      const terminals = await stage.startAll({ clockOffsetMs });
      const [victim] = terminals;
      let visits: Visit[];
      {
        await using load = startLoad(stage);
        visits = load.visits;
        await load.allServe(terminals, 20);
      }
      const summary = summarise(`a clock 10 minutes ${what}`, visits, stage, victim);
      expect(summary).toMatchObject({ wrong: 0, failed: [], troubleElsewhere: [] });
      expect(summary.vainTries).toBe(0);
      // Who is sent away is steered once more.
      expect(visits.filter(({ steered }) => steered.length > 1).length).toBe(0);
      const served = visits.filter(({ attempts }) => attempts.some(({ at }) => at === victim.endpoint));
      const bytes = served.reduce((sum, { target }) => sum + (stage.files.get(target)?.length ?? 0), 0);
      await until("it to be paid for all", async () => (await stage.seen(victim.terminalId))?.paidBytes === bytes);
    },
  );
}
