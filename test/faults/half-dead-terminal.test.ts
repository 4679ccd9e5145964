import { expect } from "bun:test";
import { until } from "../e2e/network.ts";
import type { Visit } from "./download.ts";
import { faultTest } from "./fault-test.ts";
import { startLoad, summarise } from "./load.ts";

/** A Terminal that claims nothing of what it was sent viewers for is found out within this. */
const FOUND_OUT_MS = 12_000;
const AFTERWARDS = 100;

faultTest(
  "a half-dead Terminal, whose viewers get no answer while its control channel is well: nobody is sent there for long",
  { path: import.meta.path, timeoutMs: 60_000 },
  async (stage) => {
    const [victim, ...others] = await stage.startAll();
    let visits: Visit[];
    let spoiledAtMs = 0;
    {
      await using load = startLoad(stage);
      visits = load.visits;
      const sentTo = (endpoint: string) => load.steered().filter(({ to }) => to[0] === endpoint).length;
      await until("all to serve some", () => [victim, ...others].every(({ endpoint }) => sentTo(endpoint) >= 5));
      await victim.spoil({ isMute: true });
      spoiledAtMs = performance.now();
      const after = () => load.steered().filter(({ atMs }) => atMs > spoiledAtMs + FOUND_OUT_MS);
      await until("answers after it must have been found out", () => after().length >= AFTERWARDS, 30_000);
      expect(after().filter(({ to }) => to.includes(victim.endpoint))).toEqual([]);
      expect((await stage.seen(victim.terminalId))?.storedObjects).toBe(stage.files.size);
      await victim.spoil({});
      const mendedAtMs = performance.now();
      await until("it to serve again", () => {
        return load.steered().some(({ atMs, to }) => atMs > mendedAtMs && to[0] === victim.endpoint);
      });
    }
    const summary = summarise("a half-dead Terminal", visits, stage, victim);
    expect(summary).toMatchObject({ wrong: 0, failed: [] });
  },
);
