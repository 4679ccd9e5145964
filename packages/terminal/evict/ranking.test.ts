import { expect, test } from "bun:test";
import { Ranking } from "./ranking.ts";

const FREQUENCY = { newcomerWeight: 1, countsRequests: true, sinks: true };

function ask(ranking: Ranking<number>, key: number): void {
  const slot = ranking.slotOf(key);
  if (slot >= 0) {
    ranking.hit(slot);
    return;
  }
  ranking.miss(key);
  ranking.add(key, 1, key);
}

test("Ranking raises its floor to what it evicts, so that old requests count less than new ones", () => {
  const ranking = new Ranking<number>(FREQUENCY, 1);
  for (const key of [1, 1, 1, 2]) ask(ranking, key);
  expect(ranking.lowest()).toBe(ranking.slotOf(2));
  ranking.evict(ranking.lowest());
  ask(ranking, 3);
  ranking.hit(ranking.slotOf(3));
  ask(ranking, 4);
  ranking.evict(ranking.slotOf(3));
  ask(ranking, 5);
  // 1 was asked for three times at floor 0; 5 once at the floor that 3 left, which is higher.
  expect(ranking.stateAt(ranking.slotOf(5)).priority).toBeGreaterThan(ranking.stateAt(ranking.slotOf(1)).priority);
});

test("Ranking lets nothing sink, and orders by requests alone, where its variant says so", () => {
  const ranking = new Ranking<number>({ ...FREQUENCY, sinks: false }, 1);
  for (const key of [1, 1, 1]) ask(ranking, key);
  for (let key = 10; key < 100; key++) {
    ask(ranking, key);
    ranking.evict(ranking.slotOf(key));
  }
  ask(ranking, 200);
  expect(ranking.lowest()).toBe(ranking.slotOf(200));
});

test("Ranking orders by recency alone where its variant counts no requests", () => {
  const ranking = new Ranking<number>({ ...FREQUENCY, countsRequests: false }, 1);
  for (const key of [1, 2, 3, 1, 1]) ask(ranking, key);
  const order: number[] = [];
  for (let slot = ranking.lowest(); slot >= 0; slot = ranking.lowest()) {
    order.push(ranking.printAt(slot));
    ranking.evict(slot);
  }
  expect(order).toEqual([2, 3, 1]);
});

test("keepOnly() takes out every other object", () => {
  const ranking = new Ranking<number>(FREQUENCY, 1);
  for (let key = 0; key < 10; key++) ask(ranking, key);
  ranking.keepOnly((print) => print % 2 === 0);
  expect([ranking.count, ranking.bytes, ranking.slotOf(3)]).toEqual([5, 5, -1]);
});
