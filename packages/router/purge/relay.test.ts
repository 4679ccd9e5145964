import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { createLocalNetwork } from "../bus/local-bus.ts";
import { MAX_IDS } from "../bus/message.ts";
import { BUS_DEPS, until } from "../bus/testing/bus-contract.ts";
import type { PurgeOrder } from "./order.ts";
import { PurgeRelay } from "./relay.ts";
import type { TerminalsAsked } from "./terminals-of-job.ts";

const ORDER: PurgeOrder = { site: "films", by: "prefix", value: "/a", mode: "hard" };
const NOBODY: TerminalsAsked = { told: [], unconfirmed: [], absent: [] };
const [A, B] = ["aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"];
const hash = (number: number) => number.toString(16).padStart(64, "0");

/** Two Routers whose purgers write down what they are told, and answer when they are let. */
function startTwo({ skewMs = 0 } = {}) {
  const network = createLocalNetwork(BUS_DEPS);
  const routerOf = (id: string, otherId: string, nowMs: number) => {
    const bus = network.join(id);
    const live = {
      ids: [otherId],
      others: () => live.ids.map((routerId) => ({ routerId, controlUrl: "", terminals: 0 })),
    };
    const clock = new FakeClock(nowMs);
    const relay = new PurgeRelay({ bus, live, clock });
    const applied: unknown[] = [];
    const answers: TerminalsAsked[] = [];
    const gate = Promise.withResolvers<void>();
    const purger = {
      apply: async (order: PurgeOrder, purgeId: string, atMs: number) => {
        applied.push([purgeId, order.value, atMs]);
        await gate.promise;
        return answers.shift() ?? NOBODY;
      },
      drop: async (objectIds: readonly string[]) => {
        applied.push(objectIds.length);
        return answers.shift() ?? NOBODY;
      },
    };
    const deafness = { notices: 0 };
    bus.start({
      notice: (notice, from) => {
        if (deafness.notices-- > 0) return;
        if (notice.type === "purge" || notice.type === "gone" || notice.type === "swept" || notice.type === "applied")
          relay.take(notice, from, purger);
      },
      signal: () => {},
      resync: async () => {},
    });
    return { bus, clock, relay, live, applied, answers, deafness, letGo: () => gate.resolve() };
  };
  return { a: routerOf(A, B, 1000), b: routerOf(B, A, 1000 + skewMs) };
}

test("PurgeRelay has a purge done when the other Router has applied all of it and its Terminals answered", async () => {
  const { a, b } = startTwo();
  b.answers.push({ told: [hash(1), hash(2)], unconfirmed: [hash(2)], absent: [] });
  b.answers.push({ told: [hash(2), hash(3)], unconfirmed: [], absent: [hash(3)] });
  a.relay.publish(ORDER, "p1");
  await until("the other to apply it", () => b.applied.length === 1);
  a.relay.publishGone([hash(9)], "p1");
  let isDone = false;
  const done = a.relay.othersDone("p1").then((asked) => {
    isDone = true;
    return asked;
  });
  await until("the other to drop what is gone, while the first part goes on", () => b.applied.length === 2);
  await Bun.sleep(10);
  expect([isDone, b.applied]).toEqual([false, [["p1", "/a", 1000], 1]]);
  b.letGo();
  const { told, ...rest } = await done;
  expect({ told: told.toSorted(), ...rest }).toEqual({
    told: [hash(1), hash(2), hash(3)],
    unconfirmed: [hash(2)],
    absent: [hash(3)],
  });
});

test("PurgeRelay takes the later of two clocks, so that nothing asked for before a purge is left", async () => {
  for (const [skewMs, atMs] of [
    [-500, 1000],
    [700, 1700],
  ] as const) {
    const { a, b } = startTwo({ skewMs });
    a.relay.publish(ORDER, "p1");
    await until("the other to apply it", () => b.applied.length === 1);
    expect(b.applied).toEqual([["p1", "/a", atMs]]);
  }
});

test("PurgeRelay waits for no Router that is gone, and not at all when it is alone", async () => {
  const { a, b } = startTwo();
  a.relay.publish(ORDER, "p1");
  const done = a.relay.othersDone("p1");
  await until("the other to apply it", () => b.applied.length === 1);
  a.relay.left(B);
  expect(await done).toEqual(NOBODY);
  a.live.ids = [];
  expect(await a.relay.othersDone("p2")).toEqual(NOBODY);
});

test("PurgeRelay asks a Router again that did not hear it, as after a gap", async () => {
  const { a, b } = startTwo();
  b.deafness.notices = 2;
  a.relay.publish(ORDER, "p1");
  const done = a.relay.othersDone("p1");
  await until("the notices to have come", () => b.deafness.notices === 0);
  await a.clock.advance(5000);
  expect(await done).toEqual(NOBODY);
});

test("PurgeRelay tells of any number of objects and Terminals, in parts", async () => {
  const { a, b } = startTwo();
  const many = Array.from({ length: 2 * MAX_IDS + 1 }, (_, number) => hash(number));
  b.answers.push({ told: many, unconfirmed: many.slice(5), absent: [] });
  b.letGo();
  a.relay.publish(ORDER, "p1");
  a.relay.publishGone(many, "p1");
  const asked = await a.relay.othersDone("p1");
  expect([asked.told.length, asked.unconfirmed.length]).toEqual([many.length, many.length - 5]);
  expect(b.applied.slice(1)).toEqual([MAX_IDS, MAX_IDS, 1]);
});
