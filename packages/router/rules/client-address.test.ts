import { expect, test } from "bun:test";
import { readOptions } from "@neson/kit/config";
import type { HttpRequest } from "@neson/kit/http/answer";
import fc from "fast-check";
import { routerOptions } from "../config.ts";
import { clientBehind, type ProxyField, trustedProxiesOf } from "./client-address.ts";

const PROXY = "10.0.0.1";

function behind(headers: Record<string, string>, remoteAddress = PROXY, proxyField: ProxyField = "x-forwarded-for") {
  const trusted = trustedProxiesOf({ trustedProxies: ["10.0.0.0/8", "2001:db8:1::/48"], proxyField });
  if (trusted === undefined) throw new Error("no proxies");
  const request = { headers, remoteAddress } as unknown as HttpRequest;
  return clientBehind(request, trusted);
}

test("clientBehind() believes trusted proxies alone, and of them the rightmost stranger", () => {
  const cases: [field: string, address: string, claimed: string][] = [
    ["203.0.113.9", "203.0.113.9", ""],
    ["198.51.100.1, 203.0.113.9", "203.0.113.9", "198.51.100.1"],
    ["1.1.1.1, 198.51.100.1, 203.0.113.9, 10.2.2.2", "203.0.113.9", "1.1.1.1, 198.51.100.1"],
    ["10.9.9.9, 203.0.113.9", "203.0.113.9", "10.9.9.9"],
    ["10.9.9.9", "10.9.9.9", ""],
    ["203.0.113.9:4711", "203.0.113.9", ""],
    ["[2001:db8::9]:4711, 2001:db8:1::1", "2001:db8::9", ""],
    ["2001:db8::9", "2001:db8::9", ""],
    ["203.0.113.9, unknown", PROXY, "203.0.113.9, unknown"],
    ["203.0.113.9, 10.2.2.2, 999.1.1.1", PROXY, "203.0.113.9, 10.2.2.2, 999.1.1.1"],
    ["203.0.113.9, garbage, 10.2.2.2", "10.2.2.2", "203.0.113.9, garbage"],
    ["", PROXY, ""],
  ];
  for (const [field, address, claimed] of cases) {
    const found = behind({ "x-forwarded-for": field });
    expect([field, found?.address, found?.claimed]).toEqual([field, address, claimed]);
  }
  expect(behind({ "x-forwarded-for": "198.51.100.1" }, "203.0.113.9")).toBeUndefined();
  expect(behind({ "x-forwarded-for": "198.51.100.1" }, "")).toBeUndefined();
});

test("clientBehind() reads only the field it was told to", () => {
  const headers = { forwarded: "for=198.51.100.1", "x-forwarded-for": "203.0.113.9" };
  expect(behind(headers)?.address).toBe("203.0.113.9");
  expect(behind(headers, PROXY, "forwarded")?.address).toBe("198.51.100.1");
});

test("clientBehind() reads Forwarded with ports, quotes and schemes", () => {
  const cases: [field: string, address: string, scheme: string | undefined][] = [
    ["for=203.0.113.9;proto=https", "203.0.113.9", "https"],
    ['For="[2001:db8::9]:4711"; Proto=HTTP', "2001:db8::9", "http"],
    ["for=1.1.1.1, for=203.0.113.9, for=10.3.3.3;by=x", "203.0.113.9", undefined],
    ["for=_hidden", PROXY, undefined],
    ["by=203.0.113.9", PROXY, undefined],
    ['for="203.0.113.9, for=10.1.1.1', "10.1.1.1", undefined],
  ];
  for (const [field, address, scheme] of cases) {
    const found = behind({ forwarded: field }, PROXY, "forwarded");
    expect([field, found?.address, found?.scheme]).toEqual([field, address, scheme as never]);
  }
  expect(behind({ "x-forwarded-proto": "https, http" })?.scheme).toBe("http");
  expect(behind({ "x-forwarded-proto": "gopher" })?.scheme).toBeUndefined();
});

test("clientBehind() gives the same client whatever a client writes before it", () => {
  const junk = fc.string({ maxLength: 40 }).filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(fc.array(junk, { maxLength: 40 }), (claims) => {
      const field = [...claims, "203.0.113.9", "10.2.2.2"].join(", ");
      expect(behind({ "x-forwarded-for": field })?.address).toBe("203.0.113.9");
    }),
  );
});

test("trustedProxiesOf() is nothing without proxies", () => {
  expect(trustedProxiesOf({ trustedProxies: [], proxyField: "forwarded" })).toBeUndefined();
});

test("the Router's options name proxies by address and network, or say what is allowed", () => {
  const read = (trustedProxies: string) => readOptions(routerOptions, { flags: { trustedProxies }, env: {} });
  expect(read(" 10.0.0.0/8, 2001:db8::1 ,").trustedProxies).toEqual(["10.0.0.0/8", "2001:db8::1"]);
  expect(read("").trustedProxies).toEqual([]);
  for (const bad of ["proxy.example", "10.0.0.1/8", "10.0.0.0/8 192.0.2.1"])
    expect(() => read(bad)).toThrow(/--trusted-proxies .*found .*allowed: IP addresses and networks/);
});
