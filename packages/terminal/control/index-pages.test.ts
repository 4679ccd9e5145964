import { expect, test } from "bun:test";
import type { TerminalMessage } from "@neson/protocol/messages";
import { until } from "../testing/until.ts";
import { IndexSender } from "./index-pages.ts";

type Index = Extract<TerminalMessage, { type: "index" }>;

/** A page's pairs, and a round's pages. */
const PAGE = 1000;
const ROUND = 4;

/** A sender whose Router answers each heartbeat at once, or when `answer` is called. */
function start(count: number, options: { isPrompt?: boolean } = {}) {
  const sent: Index[] = [];
  const state = { isOnline: true, beats: 0 };
  const send = (message: TerminalMessage) => {
    if (state.isOnline) sent.push(message as Index);
    return state.isOnline;
  };
  const pairs = () => Array.from({ length: count }, (_none, i): [string, string] => [String(i), "h"]);
  const sender = new IndexSender({ send, pairs });
  const beat = () => {
    const sequence = state.beats++;
    if (options.isPrompt !== false) setImmediate(() => sender.answered(sequence));
    return state.isOnline ? sequence : undefined;
  };
  return { sent, state, sender, ask: (id: string) => sender.answer(id, beat) };
}

test("IndexSender sends one empty page for an empty store", () => {
  const { sent, state, ask } = start(0);
  ask("q");
  expect(sent).toEqual([{ type: "index", id: "q", page: 0, pages: 1, objects: [] }]);
  expect(state.beats).toBe(0);
});

test("IndexSender sends a large index a few pages at a time, all of it and in order", async () => {
  const { sent, ask } = start(PAGE * 9 + 1);
  ask("q");
  expect(sent.length).toBe(ROUND);
  await until("all pages are sent", () => sent.length === 10);
  expect(sent.map(({ page }) => page)).toEqual(Array.from({ length: 10 }, (_none, i) => i));
  expect(new Set(sent.map(({ pages }) => pages))).toEqual(new Set([10]));
  expect(sent.flatMap(({ objects }) => objects).length).toBe(PAGE * 9 + 1);
});

test("IndexSender has no more under way than one round, however long the Router takes", async () => {
  const { sent, state, sender, ask } = start(PAGE * ROUND * 2, { isPrompt: false });
  ask("q");
  expect([sent.length, state.beats]).toEqual([ROUND, 1]);
  // Of a heartbeat that was sent before the pages.
  sender.answered(-1);
  await Bun.sleep(150);
  expect(sent.length).toBe(ROUND);
  sender.answered(0);
  await until("the rest is sent", () => sent.length === ROUND * 2);
  expect(state.beats).toBe(1);
});

test("IndexSender ends the answer to an older request when a newer one comes, and when the channel is gone", async () => {
  const { sent, state, sender, ask } = start(PAGE * 9);
  ask("old");
  ask("new");
  await until("the newer one is answered", () => sent.filter(({ id }) => id === "new").length === 9);
  expect(sent.filter(({ id }) => id === "old").length).toBe(ROUND);
  ask("cut");
  state.isOnline = false;
  await Bun.sleep(150);
  expect(sent.filter(({ id }) => id === "cut").length).toBe(ROUND);
  state.isOnline = true;
  ask("stopped");
  sender.stop();
  await Bun.sleep(150);
  expect(sent.filter(({ id }) => id === "stopped").length).toBe(ROUND);
});
