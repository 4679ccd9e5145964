import { expect, test } from "bun:test";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import type { TerminalMessage } from "@neson/protocol/messages";
import type { Ticket } from "@neson/protocol/ticket";
import { openIndex } from "../store/index-database.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { ClaimRows } from "./claim-rows.ts";
import { ClaimSender } from "./claim-sender.ts";
import { Ledger } from "./ledger.ts";

const EXPIRES_AT = 1_700_000_300;

function ticketOf(number: number): [string, Ticket] {
  const nonce = number.toString(16).padStart(32, "0");
  return [`text-of-${number}`, { nonce, maxBytes: 1000, expiresAt: EXPIRES_AT } as Ticket];
}

function openRows(directory: string) {
  const index = openIndex(join(directory, "index.sqlite"), { clock: new FakeClock(), log: silentLog });
  return { rows: new ClaimRows(index), [Symbol.dispose]: () => index.close() };
}

function send(ledger: Ledger, number: number, bytes: number): void {
  const account = ledger.account(...ticketOf(number));
  ledger.begin(account, bytes);
  ledger.end(account, bytes, bytes);
}

test("Ledger adds up by nonce, and what is under way counts towards the allowance", () => {
  using directory = temporaryDirectory();
  using opened = openRows(directory.path);
  const ledger = new Ledger(opened.rows);
  const account = ledger.account(...ticketOf(1));
  ledger.begin(account, 400);
  ledger.begin(account, 300);
  expect(account.inFlightBytes).toBe(700);
  ledger.end(account, 400, 150);
  expect([account.inFlightBytes, account.bytes]).toEqual([300, 150]);
  ledger.end(account, 300, 300);
  expect(ledger.account(...ticketOf(1))).toMatchObject({ inFlightBytes: 0, bytes: 450 });
});

test("Ledger claims only what is on disk, and still has it after a crash", () => {
  using directory = temporaryDirectory();
  {
    using opened = openRows(directory.path);
    const ledger = new Ledger(opened.rows);
    send(ledger, 1, 100);
    expect(ledger.unclaimed(10)).toEqual([]);
    ledger.flush(EXPIRES_AT - 100);
    expect(ledger.unclaimed(10).map(({ ticket, bytes }) => [ticket, bytes])).toEqual([["text-of-1", 100]]);
    send(ledger, 2, 50); // never flushed
  }
  using opened = openRows(directory.path);
  const ledger = new Ledger(opened.rows);
  expect(ledger.unclaimed(10).map(({ bytes }) => bytes)).toEqual([100]);
  expect(ledger.account(...ticketOf(1)).bytes).toBe(100);
});

test("Ledger forgets a nonce when it is settled and its ticket is over, and not before", () => {
  using directory = temporaryDirectory();
  using opened = openRows(directory.path);
  const ledger = new Ledger(opened.rows);
  for (const number of [1, 2, 3]) send(ledger, number, 100);
  ledger.flush(EXPIRES_AT - 1);
  ledger.settle([
    { nonce: ticketOf(1)[1].nonce, bytes: 100 },
    { nonce: ticketOf(2)[1].nonce, bytes: 60 },
  ]);
  expect(ledger.unclaimed(10).map(({ ticket }) => ticket)).toEqual(["text-of-3"]);
  ledger.flush(EXPIRES_AT - 1);
  expect(ledger.size).toBe(3);
  expect(
    ledger
      .unclaimed(10)
      .map(({ ticket }) => ticket)
      .sort(),
  ).toEqual(["text-of-2", "text-of-3"]);
  ledger.flush(EXPIRES_AT);
  expect([ledger.size, opened.rows.all().length]).toEqual([2, 2]);
  ledger.flush(EXPIRES_AT + 8 * 86_400);
  expect([ledger.size, opened.rows.all().length]).toEqual([0, 0]);
});

function startSender(directory: string) {
  const opened = openRows(directory);
  const clock = new FakeClock((EXPIRES_AT - 100) * 1000);
  const ledger = new Ledger(opened.rows);
  const sent: Extract<TerminalMessage, { type: "claims" }>[] = [];
  const state = { isOnline: true };
  const sender = new ClaimSender({
    ledger,
    clock,
    log: silentLog,
    send: (message) => {
      if (state.isOnline && message.type === "claims") sent.push(message);
      return state.isOnline;
    },
  });
  return { ledger, sent, sender, clock, state, [Symbol.dispose]: () => opened[Symbol.dispose]() };
}

const ack = (id: string, refused: { nonce: string; reason: string }[] = []) => {
  return { type: "claims.ack" as const, id, accepted: 0, refused };
};

test("ClaimSender sends cumulative totals until they are acknowledged, and refused ones never again", () => {
  using directory = temporaryDirectory();
  using run = startSender(directory.path);
  send(run.ledger, 1, 100);
  send(run.ledger, 2, 10);
  run.sender.tick();
  expect(run.sent.at(-1)?.claims).toEqual([
    { ticket: "text-of-1", bytes: 100 },
    { ticket: "text-of-2", bytes: 10 },
  ]);
  send(run.ledger, 1, 50);
  run.sender.tick();
  expect(run.sent).toHaveLength(1); // one batch at a time
  run.sender.acknowledge(ack("no such id"));
  run.sender.acknowledge(ack(run.sent[0]?.id ?? "", [{ nonce: ticketOf(2)[1].nonce, reason: "replayed" }]));
  send(run.ledger, 2, 10);
  run.sender.tick();
  expect(run.sent.at(-1)?.claims).toEqual([{ ticket: "text-of-1", bytes: 150 }]);
});

test("ClaimSender sends again when the channel broke or no answer came", async () => {
  using directory = temporaryDirectory();
  using run = startSender(directory.path);
  run.state.isOnline = false;
  send(run.ledger, 1, 100);
  run.sender.tick();
  run.state.isOnline = true;
  run.sender.tick();
  run.sender.offline();
  run.sender.tick();
  expect(run.sent).toHaveLength(2);
  await run.clock.advance(10_001);
  run.sender.tick();
  expect(run.sent.map(({ claims }) => claims)).toEqual(Array(3).fill([{ ticket: "text-of-1", bytes: 100 }]));
});

test("ClaimSender goes on with the next batch when one is full", () => {
  using directory = temporaryDirectory();
  using run = startSender(directory.path);
  for (let number = 0; number < 1200; number++) send(run.ledger, number, 1);
  run.sender.tick();
  for (let i = 0; i < 3; i++) run.sender.acknowledge(ack(run.sent.at(-1)?.id ?? ""));
  expect(run.sent.map(({ claims }) => claims.length)).toEqual([500, 500, 200]);
});
