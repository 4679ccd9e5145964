import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseList, Token } from "structured-headers";
import { type CacheOutcome, cacheStatus } from "./cache-status.ts";

test("cacheStatus() writes what RFC 9211 asks for", () => {
  const cases: [outcome: CacheOutcome, expected: string][] = [
    [{ hit: true, ttl: 30 }, "NESON; hit; ttl=30"],
    [{ hit: true, ttl: -5 }, "NESON; hit; ttl=-5"],
    [{ hit: false, fwd: "uri-miss", stored: true, collapsed: true }, "NESON; fwd=uri-miss; stored; collapsed"],
    [{ hit: false, fwd: "stale", fwdStatus: 304, ttl: 60 }, "NESON; fwd=stale; fwd-status=304; ttl=60"],
    [{ hit: false, fwd: "bypass", stored: false }, "NESON; fwd=bypass"],
    [{ hit: true, ttl: 1, detail: 'a "b" \\ \nc' }, 'NESON; hit; ttl=1; detail="a \\"b\\" \\\\ c"'],
  ];
  for (const [outcome, expected] of cases) expect(cacheStatus(outcome)).toBe(expected);
});

test("cacheStatus() is a structured field for any detail", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: -1e9, max: 1e9 }), (detail, ttl) => {
      const [item] = parseList(cacheStatus({ hit: false, fwd: "miss", ttl, detail }));
      const [name, parameters] = item ?? [];
      expect(String(name)).toBe("NESON");
      expect(String(parameters?.get("fwd"))).toBe("miss");
      expect(parameters?.get("fwd")).toBeInstanceOf(Token);
      expect(parameters?.get("ttl")).toBe(ttl);
      expect(parameters?.get("detail")).toBe(detail.replace(/[^\x20-\x7e]/g, ""));
    }),
  );
});
