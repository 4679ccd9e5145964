import { expect, test } from "bun:test";
import fc from "fast-check";
import { OpenTickets } from "./open-tickets.ts";

test("OpenTickets counts issued bytes until the ticket expires", () => {
  const tickets = new OpenTickets(1000);
  tickets.issue(500, 1300, 1000);
  tickets.issue(200, 1100, 1000);
  expect(tickets.bytes(1099)).toBe(700);
  expect(tickets.bytes(1101)).toBe(500);
  expect(tickets.bytes(1301)).toBe(0);
});

test("OpenTickets forgets bytes that were claimed, and ignores claims of expired tickets", () => {
  const tickets = new OpenTickets(1000);
  tickets.issue(500, 1300, 1000);
  tickets.settle(200, 1300, 1010);
  expect(tickets.bytes(1010)).toBe(300);
  tickets.settle(900, 1300, 1010);
  expect(tickets.bytes(1010)).toBe(0);
  tickets.issue(50, 1320, 1311);
  tickets.settle(50, 1300, 1311);
  expect(tickets.bytes(1311)).toBe(50);
});

test("OpenTickets equals the sum over unexpired tickets for any sequence", () => {
  const step = fc.record({
    wait: fc.integer({ min: 0, max: 400 }),
    bytes: fc.nat(1e9),
    life: fc.integer({ min: 0, max: 90_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let now = 50_000;
      const tickets = new OpenTickets(now);
      const open: { bytes: number; expiresAt: number }[] = [];
      for (const { wait, bytes, life } of steps) {
        now += wait;
        tickets.issue(bytes, now + life, now);
        open.push({ bytes, expiresAt: now + life });
        const expected = open.reduce((sum, ticket) => sum + (ticket.expiresAt >= now ? ticket.bytes : 0), 0);
        expect(tickets.bytes(now)).toBe(expected);
      }
    }),
  );
});

test("OpenTickets makes room for long lives without losing what it counts, up to its limit", () => {
  const tickets = new OpenTickets(1000);
  tickets.issue(30, 1400, 1000);
  tickets.issue(500, 1000 + 86_400, 1000);
  expect(tickets.bytes(1400)).toBe(530);
  tickets.settle(200, 1000 + 86_400, 1401);
  expect(tickets.bytes(1000 + 86_400)).toBe(300);
  expect(tickets.bytes(1001 + 86_400)).toBe(0);
  tickets.issue(7, 10 ** 9, 100_000);
  expect(tickets.bytes(100_000 + 131_071)).toBe(7);
  expect(tickets.bytes(100_000 + 131_072)).toBe(0);
});
