import { expect, test } from "bun:test";
import { NesonError } from "@neson/kit/error";
import type { Connection } from "./reach.ts";
import { checkByTrial, noTrial, type TrialTerminal } from "./trial.ts";

/** Time passes with each sleep, at once. */
function quickClock() {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
}

/** A Terminal whose connection is what `states` say, look after look, the last one for ever. */
function terminalOf(states: Connection[]) {
  const seen = { looks: 0, stops: 0, measurements: 0 };
  const terminal: TrialTerminal = {
    ready: { url: "http://t.example:8090" },
    connection: () => states[Math.min(seen.looks++, states.length - 1)] ?? { isConnected: false },
    measureLink: async () => {
      seen.measurements++;
      return { speed: { downBytesPerSecond: 1024, upBytesPerSecond: 2048, atMs: 1 } };
    },
    [Symbol.asyncDispose]: async () => {
      seen.stops++;
    },
  };
  return { seen, start: async () => terminal };
}

test("checkByTrial() waits until the Router lets it in, measures the link, and stops the Terminal", async () => {
  const { seen, start } = terminalOf([{ isConnected: false }, { isConnected: false }, { isConnected: true }]);
  const [reachable, link] = await checkByTrial(start, quickClock());
  expect(reachable).toMatchObject({ name: "reachability", state: "ok" });
  expect(link).toMatchObject({ name: "link speed", state: "ok", text: "from the Router 1 KiB/s, to it 2 KiB/s" });
  expect(seen).toMatchObject({ stops: 1, measurements: 1 });
});

test("checkByTrial() stops at the Router's refusal and gives its reason", async () => {
  const lastRefusal = { code: "unreachable-endpoint", message: "no answer" };
  const { seen, start } = terminalOf([{ isConnected: false }, { isConnected: false, lastRefusal }]);
  const [reachable, link] = await checkByTrial(start, quickClock());
  expect(reachable).toMatchObject({ state: "fail", remedy: expect.stringContaining("firewall") });
  expect(link?.state).toBe("skipped");
  expect(seen).toMatchObject({ stops: 1, measurements: 0 });
});

test("checkByTrial() gives up after 25 s without a word", async () => {
  const { seen, start } = terminalOf([{ isConnected: false }]);
  const clock = quickClock();
  const [reachable] = await checkByTrial(start, clock);
  expect(reachable).toMatchObject({ state: "fail", text: expect.stringContaining("none has said why") });
  expect(clock.nowMs()).toBeLessThan(26_000);
  expect(seen.stops).toBe(1);
});

test("checkByTrial() tells why a Terminal does not start", async () => {
  const failure = new NesonError("index-unusable", "cannot open the index", { fault: "operator" });
  const [reachable, link] = await checkByTrial(() => Promise.reject(failure), quickClock());
  expect(reachable).toMatchObject({ state: "fail", text: "the Terminal does not start: cannot open the index" });
  expect(link?.state).toBe("skipped");
});

test("noTrial() skips both checks with the reason", () => {
  expect(noTrial("why").map(({ name, state, text }) => [name, state, text])).toEqual([
    ["reachability", "skipped", "why"],
    ["link speed", "skipped", "why"],
  ]);
});
