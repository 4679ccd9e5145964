import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { createMayTrace } from "./trace-keys.ts";

const key = (id: string) => `nesk_${id.repeat(12)}_${"A".repeat(43)}`;
const CALLERS = {
  [key("1")]: { scopes: ["logs:read"] as const },
  [key("2")]: { scopes: ["logs:read"] as const, sites: ["shop"] },
  [key("3")]: { scopes: ["sites:write", "stats:read"] as const },
  [key("4")]: { scopes: ["admin"] as const },
};

function stage() {
  const asked: string[] = [];
  const clock = new FakeClock(1_800_000_000_000);
  const callerOf = async (given: string) => {
    asked.push(given);
    const caller = CALLERS[given];
    return caller && { id: "id", name: "name", ...caller };
  };
  return { asked, clock, mayTrace: createMayTrace({ keys: { callerOf }, clock }) };
}

test("a trace needs logs:read for that site", async () => {
  const { mayTrace } = stage();
  const allowed = async (id: string, site: string) => mayTrace(key(id), site);
  expect(await Promise.all(["1", "2", "3", "4", "5"].map((id) => allowed(id, "shop")))).toEqual([
    ...[true, true, false, true, false],
  ]);
  expect(await allowed("2", "blog")).toBe(false);
});

test("what is no key costs no look-up, and keys at most a hundred in a second", async () => {
  const { asked, clock, mayTrace } = stage();
  for (const text of ["", "secret", "nesk_x_y", key("1").slice(1)]) expect(await mayTrace(text, "shop")).toBe(false);
  expect(asked).toEqual([]);
  for (let i = 0; i < 150; i++) await mayTrace(key("5"), "shop");
  expect([asked.length, await mayTrace(key("1"), "shop")]).toEqual([100, false]);
  await clock.advance(1000);
  expect(await mayTrace(key("1"), "shop")).toBe(true);
});

test("a database that is away lets nobody see a trace, and fails no request", async () => {
  const keys = { callerOf: () => Promise.reject(new Error("away")) };
  expect(await createMayTrace({ keys, clock: new FakeClock(0) })(key("1"), "shop")).toBe(false);
});
