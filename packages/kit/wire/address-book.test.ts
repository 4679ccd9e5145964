import { expect, test } from "bun:test";
import { AddressBook, addressGroupOf } from "./address-book.ts";

test("addressGroupOf() counts an IPv4 address alone and an IPv6 address with its /64", () => {
  expect(addressGroupOf("192.0.2.1")).toBe("192.0.2.1");
  expect(addressGroupOf("::ffff:192.0.2.1")).toBe("192.0.2.1");
  expect(addressGroupOf("2001:db8:1:2::5")).toBe(addressGroupOf("2001:db8:1:2:ffff::1"));
  expect(addressGroupOf("2001:db8:1:2::5")).not.toBe(addressGroupOf("2001:db8:1:3::5"));
  expect(addressGroupOf("gone:")).toBe("unknown");
});

test("connect() lets an address have its number of connections and no more", () => {
  const book = new AddressBook({ maxConnectionsPerAddress: 2, maxRequestsPerSecond: 10 });
  const first = book.connect("192.0.2.1");
  expect(book.connect("192.0.2.1")).toBe(first);
  expect(book.connect("192.0.2.1")).toBeUndefined();
  expect(book.connect("192.0.2.2")).toBeDefined();
  if (first !== undefined) book.disconnect(first);
  expect(book.connect("192.0.2.1")).toBe(first);
});

test("admit() lets a second's worth of requests pass at once, and as many each second after", () => {
  const book = new AddressBook({ maxConnectionsPerAddress: 2, maxRequestsPerSecond: 10 });
  const account = book.accountOf("192.0.2.1");
  const admitted = () => Array.from({ length: 50 }, () => book.admit(account)).filter(Boolean).length;
  expect(admitted()).toBe(10);
  book.refill(250);
  expect(admitted()).toBe(2);
  book.refill(60_000);
  expect(admitted()).toBe(10);
});

test("refill() forgets addresses that are quiet, and the book never tells more than 100,000 apart", () => {
  const book = new AddressBook({ maxConnectionsPerAddress: 2, maxRequestsPerSecond: 10 });
  for (let i = 0; i < 120_000; i++)
    book.admit(book.accountOf(`2001:db8:${(i >> 16).toString(16)}:${(i & 65_535).toString(16)}::1`));
  expect(book.size).toBe(100_000);
  const kept = book.connect("2001:db8::1");
  book.refill(1000);
  expect(book.size).toBe(1);
  if (kept !== undefined) book.disconnect(kept);
  book.refill(1000);
  expect(book.size).toBe(0);
});
