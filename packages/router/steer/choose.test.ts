import { expect, test } from "bun:test";
import { chooseAmong } from "./choose.ts";

const terminal = (name: string, used: number, reportedLoad = 0) => ({
  name,
  reportedLoad,
  seed: { high: 0, low: 0 },
  weight: 1,
  utilisation: () => used,
});
const names = (list: { name: string }[]) => list.map(({ name }) => name).join("");
const usual = { replicas: 3, meanUtilisation: 0.2, nowSeconds: 0, usable: () => true };

test("chooseAmong() takes the least utilised replica first and keeps the rest in ranking order", () => {
  const ranking = [terminal("a", 0.3), terminal("b", 0.1), terminal("c", 0.2), terminal("d", 0)];
  expect(names(chooseAmong(ranking, usual))).toBe("bacd");
});

test("chooseAmong() takes the better rank when utilisation is equal", () => {
  expect(names(chooseAmong([terminal("a", 0.1), terminal("b", 0.1)], usual))).toBe("ab");
});

test("chooseAmong() skips a Terminal whose heartbeat says it is full", () => {
  expect(names(chooseAmong([terminal("a", 0, 0.95), terminal("b", 0.4)], usual))).toBe("b");
});

test("chooseAmong() walks past the replicas when all of them are over the bound", () => {
  const ranking = [terminal("a", 3), terminal("b", 4), terminal("c", 5), terminal("d", 0.4)];
  expect(names(chooseAmong(ranking, { ...usual, meanUtilisation: 1 }))).toBe("dabc");
});

test("chooseAmong() leaves out what the caller cannot use, and is empty when nothing is left", () => {
  const ranking = [terminal("a", 0), terminal("b", 0)];
  expect(names(chooseAmong(ranking, { ...usual, usable: ({ name }) => name === "b" }))).toBe("b");
  expect(chooseAmong(ranking, { ...usual, usable: () => false })).toEqual([]);
});
