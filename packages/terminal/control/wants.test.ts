import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import type { TerminalMessage } from "@neson/protocol/messages";
import { Wants } from "./wants.ts";

const A = "a".repeat(64);
const HEADERS = "b".repeat(16);

function start() {
  const clock = new FakeClock();
  const sent: Extract<TerminalMessage, { type: "want" }>[] = [];
  const state = { isOnline: true };
  const send = (message: TerminalMessage) => {
    if (state.isOnline && message.type === "want") sent.push(message);
    return state.isOnline;
  };
  return { clock, sent, state, wants: new Wants({ send, clock }) };
}

test("Wants asks once for all who want the same object, and each answer ends its own question", async () => {
  const { wants, sent } = start();
  const same = [wants.ask(A, HEADERS, 2000), wants.ask(A, HEADERS, 2000)];
  const other = wants.ask(A, "c".repeat(16), 2000);
  expect(sent.map(({ headersId }) => headersId)).toEqual([HEADERS, "c".repeat(16)]);
  wants.answer(sent[1]?.id ?? "", "nothing");
  wants.answer(sent[0]?.id ?? "", "save");
  wants.answer("no such id", "save");
  expect(await Promise.all([...same, other])).toEqual(["save", "save", "nothing"]);
});

test("Wants gives up when no answer comes, and asks anew afterwards", async () => {
  const { wants, sent, clock } = start();
  const late = wants.ask(A, HEADERS, 2000);
  await clock.advance(2000);
  expect(await late).toBe("late");
  const again = wants.ask(A, HEADERS, 2000);
  wants.answer(sent[0]?.id ?? "", "save"); // the answer to the first question is nobody's any more
  wants.answer(sent[1]?.id ?? "", "nothing");
  expect(await again).toBe("nothing");
});

test("Wants says offline when there is no channel or it breaks", async () => {
  const { wants, state } = start();
  const open = wants.ask(A, HEADERS, 2000);
  wants.offline();
  expect(await open).toBe("offline");
  state.isOnline = false;
  expect(await wants.ask(A, HEADERS, 2000)).toBe("offline");
});
