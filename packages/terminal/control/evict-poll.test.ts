import { expect, test } from "bun:test";
import { EvictPoll, type EvictQuestion, type Voter } from "./evict-poll.ts";

const QUESTION: EvictQuestion = { type: "evict", id: "e1", objects: [] };

function setUp() {
  const heard: unknown[] = [];
  const poll = new EvictPoll();
  poll.answerTo({ reply: (id, keep) => heard.push([id, [...keep].sort()]), offline: () => heard.push("offline") });
  const voter = (isOpen = true): Voter => ({ send: () => isOpen });
  return { heard, poll, voter };
}

test("EvictPoll keeps what any Router wants kept, once all have answered", () => {
  const { heard, poll, voter } = setUp();
  const [a, b, away] = [voter(), voter(), voter(false)];
  expect(poll.ask(QUESTION, [a, b, away])).toBe(true);
  poll.reply(a, "e1", ["x"]);
  poll.reply(a, "e1", ["again"]);
  poll.reply(b, "another", ["y"]);
  expect(heard).toEqual([]);
  poll.reply(b, "e1", ["y"]);
  expect(heard).toEqual([["e1", ["x", "y"]]]);
});

test("EvictPoll does without a Router that leaves, and says so when nobody is left", () => {
  const { heard, poll, voter } = setUp();
  const [a, b] = [voter(), voter()];
  poll.ask(QUESTION, [a, b]);
  poll.left(b);
  poll.reply(a, "e1", []);
  poll.ask({ ...QUESTION, id: "e2" }, [a]);
  poll.left(a);
  expect(heard).toEqual([["e1", []], "offline"]);
  expect(poll.ask(QUESTION, [voter(false)])).toBe(false);
});
