import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { parseRouterFrame } from "@neson/protocol/messages";
import { SpeedGrants, type SpeedRun } from "./speed-grants.ts";
import { NOW_MS } from "./testing.ts";

const [ONE, TWO] = ["ab".repeat(32), "cd".repeat(32)];

function open() {
  const clock = new FakeClock(NOW_MS);
  const options = { controlUrl: () => "http://127.0.0.1:8081", key: new Uint8Array(32).fill(1) };
  const grants = new SpeedGrants(options, { clock });
  const ask = (terminalId: string): string | undefined => {
    const answer = parseRouterFrame(JSON.stringify(grants.answer("s1", terminalId)));
    return answer.type === "speed.grant" ? answer.url.split("/").at(-1) : undefined;
  };
  const begin = (token: string | undefined, direction: "GET" | "POST"): SpeedRun => {
    const run = grants.begin(token ?? "", direction);
    if ("refused" in run) throw new Error(run.refused);
    return run;
  };
  return { clock, grants, ask, begin };
}

test("answer() grants one Terminal at a time, each once in ten minutes", async () => {
  const { clock, ask, begin } = open();
  const token = ask(ONE);
  expect(token).toBeString();
  expect([ask(ONE), ask(TWO)]).toEqual([undefined, undefined]);
  begin(token, "GET").end();
  begin(token, "POST").end();
  expect(ask(TWO)).toBeUndefined();
  await clock.advance(2000);
  expect([ask(ONE), typeof ask(TWO)]).toEqual([undefined, "string"]);
  await clock.advance(600_000);
  expect(ask(ONE)).toBeString();
});

test("a grant that nobody uses is over after a minute, one in use is not given to the next", async () => {
  const { clock, grants, ask, begin } = open();
  const token = ask(ONE) ?? "";
  await clock.advance(59_999);
  const run = begin(token, "GET");
  await clock.advance(1);
  expect(ask(TWO)).toBeUndefined();
  run.end();
  expect(grants.begin(token, "POST")).toHaveProperty("refused");
  expect(ask(TWO)).toBeString();
});

test("begin() refuses other tokens, a direction twice, and both at once", () => {
  const { grants, ask, begin } = open();
  expect(grants.begin("A".repeat(43), "GET")).toHaveProperty("refused");
  const token = ask(ONE) ?? "";
  const altered = (token.startsWith("A") ? "B" : "A") + token.slice(1);
  expect(grants.begin(altered, "GET")).toHaveProperty("refused");
  const run = begin(token, "GET");
  expect(grants.begin(token, "POST")).toHaveProperty("refused");
  run.end();
  expect(grants.begin(token, "GET")).toHaveProperty("refused");
  begin(token, "POST").end();
  expect(grants.begin(token, "POST")).toHaveProperty("refused");
});
