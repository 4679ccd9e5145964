import { expect, test } from "bun:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { AddressSet, addressKey, networkSpan } from "./address-set.ts";

test("networkSpan() reads addresses and networks, and nothing that is nearly one", () => {
  const good = [
    "192.0.2.1",
    "192.0.2.0/24",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "::1",
    "10.0.0.1/32",
    "2001:db8::1/128",
  ];
  for (const text of good) expect([text, networkSpan(text) !== undefined]).toEqual([text, true]);
  const bad = ["", "192.0.2", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/024", "192.0.2.0/-1", "192.0.2.0/", "::/129"];
  const worse = [
    "127.1",
    "0x7f000001",
    "example.com",
    "192.0.2.0/24/8",
    " 192.0.2.1",
    "fe80::1%eth0/64",
    "2001:db8::1/32",
  ];
  for (const text of [...bad, ...worse]) expect([text, networkSpan(text)]).toEqual([text, undefined]);
});

test("AddressSet.has() finds what its networks hold, of both versions", () => {
  const set = new AddressSet(["192.0.2.0/24", "192.0.2.128/25", "198.51.100.7", "2001:db8::/32", "0.0.0.0/32"]);
  const cases: [address: string, expected: boolean][] = [
    ["192.0.2.0", true],
    ["192.0.2.255", true],
    ["192.0.3.0", false],
    ["192.0.1.255", false],
    ["198.51.100.7", true],
    ["198.51.100.8", false],
    ["::ffff:192.0.2.9", true],
    ["2001:db8:ffff::1", true],
    ["2001:db9::", false],
    ["0.0.0.0", true],
    ["", false],
    ["unknown", false],
  ];
  for (const [address, expected] of cases) expect([address, set.has(address)]).toEqual([address, expected]);
  expect(new AddressSet([]).has("192.0.2.1")).toBe(false);
});

test("AddressSet.has() agrees with looking at one network after the other", () => {
  const network = fc.record({
    first: fc.nat(255),
    second: fc.constantFrom(0, 64, 128),
    bits: fc.integer({ min: 0, max: 32 }),
  });
  fc.assert(
    fc.property(fc.array(network, { maxLength: 8 }), fc.nat(255), fc.nat(255), (networks, a, b) => {
      const texts = networks.map(({ first, second, bits }) => {
        const base = ipaddr.IPv4.networkAddressFromCIDR(`${first}.${second}.0.0/${bits}`);
        return `${base.toString()}/${bits}`;
      });
      const address = `${a}.${b}.1.1`;
      const expected = texts.some((text) => ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parseCIDR(text)));
      expect(new AddressSet(texts).has(address)).toBe(expected);
    }),
  );
});

test("addressKey() writes one address in one way", () => {
  expect(addressKey("2001:DB8:0:0::1")).toBe(addressKey("2001:db8::1"));
  expect(addressKey("::ffff:1.2.3.4")).toBe("00000000000000000000ffff01020304");
});
