import { expect, test } from "bun:test";
import { httpUrlOf, isPublicAddress, networkOf } from "./address.ts";

const PUBLIC = [
  "8.8.8.8",
  "203.0.114.1",
  "172.32.0.1",
  "100.128.0.1",
  "2606:4700::1111",
  "2a00:1450:4001::8a",
  "::ffff:8.8.8.8",
  "64:ff9b::808:808",
  "2002:808:808::1",
];

const REFUSED = [
  ...["0.0.0.0", "0.1.2.3", "10.0.0.1", "127.0.0.1", "127.255.255.254", "100.64.0.1", "100.127.255.255"],
  ...["169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "192.0.0.1", "192.0.2.1", "198.18.0.1"],
  ...["198.51.100.1", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"],
  ...["::", "::1", "fe80::1", "fe80::1%eth0", "fd00::1", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1"],
  // IPv4-mapped, IPv4-compatible, NAT64, 6to4 and Teredo forms of refused addresses
  ...[
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
  ],
  ...["64:ff9b:1::808:808", "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "2001:0:7f00:1::1", "3fff::1"],
  ...["4000::1", "fd00:ec2::254"],
  // not addresses, or forms only lenient parsers take
  ...["", "localhost", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "8.8.8.8:80", "[::1]", " 8.8.8.8", "8.8.8"],
];

test("isPublicAddress() holds for addresses of the public internet", () => {
  expect(PUBLIC.filter((address) => !isPublicAddress(address))).toEqual([]);
});

test("isPublicAddress() refuses every other range, however it is written", () => {
  expect(REFUSED.filter(isPublicAddress)).toEqual([]);
});

test("networkOf() gives the /24 of IPv4 and the /48 of IPv6", () => {
  expect(networkOf("203.0.113.77")).toBe("203.0.113.0/24");
  expect(networkOf("::ffff:203.0.113.77")).toBe("203.0.113.0/24");
  expect(networkOf("2001:db8:1:2:3::4")).toBe("2001:db8:1::/48");
  expect(networkOf("2001:db8::4")).toBe("2001:db8::/48");
  expect(networkOf("::1")).toBe("::/48");
});

test("networkOf() puts everything that is no address into one network", () => {
  expect(["", "localhost", "1.2.3"].map(networkOf)).toEqual(["unknown", "unknown", "unknown"]);
});

test.each([
  ["127.0.0.1", "http://127.0.0.1:8080"],
  ["::1", "http://[::1]:8080"],
  ["terminal-1.localhost", "http://terminal-1.localhost:8080"],
])("httpUrlOf() puts %s into a URL that parses", (host, url) => {
  expect(httpUrlOf(host, 8080)).toBe(url);
  expect(new URL(url).port).toBe("8080");
});
