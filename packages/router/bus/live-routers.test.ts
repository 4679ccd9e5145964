import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { LiveRouters, SILENCE_MS } from "./live-routers.ts";
import type { Signal } from "./message.ts";

const [A, B] = ["aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"];
const BEAT = { type: "beat" as const, controlUrl: "http://b.example", terminals: 2 };

function start() {
  const clock = new FakeClock(1_000_000);
  const said: Signal[] = [];
  const bus = { isConnected: true, signal: (signal: Signal) => void said.push(signal) };
  const self = () => ({ controlUrl: "http://a.example", terminals: 0 });
  const live = new LiveRouters({ bus, self, clock });
  const events: string[] = [];
  live.onChanged = () => events.push("changed");
  live.onLost = (id) => events.push(`lost ${id[0]}`);
  live.onGone = (id) => events.push(`gone ${id[0]}`);
  return { clock, said, bus, live, events };
}

test("LiveRouters knows who said that they live, answers newcomers, and says so itself", () => {
  const { said, live, events } = start();
  live.tick();
  expect(said).toEqual([{ type: "beat", controlUrl: "http://a.example", terminals: 0 }]);
  live.hear(BEAT, B);
  live.hear(BEAT, B);
  expect([said.length, events, live.count()]).toEqual([2, ["changed"], 2]);
  expect(live.others()).toEqual([{ routerId: B, controlUrl: "http://b.example", terminals: 2 }]);
});

test("LiveRouters tells one that said goodbye from one that fell silent", async () => {
  const { clock, live, events } = start();
  live.hear(BEAT, A);
  live.hear({ type: "bye" }, A);
  expect(events.splice(0)).toEqual(["changed", "gone a", "changed"]);
  live.hear(BEAT, B);
  live.tick();
  await clock.advance(SILENCE_MS);
  live.tick();
  expect(live.count()).toBe(2);
  await clock.advance(1);
  live.tick();
  expect([events, live.count()]).toEqual([["changed", "gone b", "changed", "lost b"], 1]);
});

test("LiveRouters holds nobody's silence against them while the bus does not work, nor just after", async () => {
  const { clock, bus, live, events } = start();
  live.hear(BEAT, B);
  live.tick();
  bus.isConnected = false;
  live.tick();
  await clock.advance(3_600_000);
  live.tick();
  bus.isConnected = true;
  live.tick();
  await clock.advance(SILENCE_MS);
  live.tick();
  expect(events).toEqual(["changed"]);
  await clock.advance(1);
  live.tick();
  expect(live.count()).toBe(1);
});
