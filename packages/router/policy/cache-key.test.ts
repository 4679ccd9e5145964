import { expect, test } from "bun:test";
import fc from "fast-check";
import { cacheSettingsSchema } from "../sites/cache-settings.ts";
import { cacheKeyOf } from "./cache-key.ts";

function keyOf(query: object, target: string): string {
  return cacheKeyOf({ cache: cacheSettingsSchema.parse({ query }) }, target);
}

const CASES: [query: object, target: string, expected: string][] = [
  [{}, "/a?b=2&a=1&", "/a?b=2&a=1&"],
  [{}, "/a/../b//c/%7e?", "/a/../b//c/%7e?"],
  [{ use: "none" }, "/a?b=2", "/a"],
  [{ use: "none" }, "/a", "/a"],
  [{ use: "none" }, "/a?", "/a"],
  [{ use: "none" }, "/a?b?c", "/a"],
  [{ use: "listed", names: ["id"] }, "/a?utm_x=1&id=2&id=3&ids=4&ID=5", "/a?id=2&id=3"],
  [{ use: "listed", names: ["id"] }, "/a?x=1", "/a"],
  [{ use: "listed", names: ["v*"] }, "/a?v=1&version=2&w=3", "/a?v=1&version=2"],
  [{ use: "listed", names: ["id"] }, "/a?id", "/a?id"],
  [{ use: "listed", names: ["id"] }, "/a?%69d=1", "/a"],
  [{ use: "unlisted", names: ["utm_*", "gclid"] }, "/a?utm_source=x&p=1&gclid=2&q=a=b", "/a?p=1&q=a=b"],
  [{ use: "unlisted", names: ["utm_*"] }, "/a?%75tm_source=x", "/a?%75tm_source=x"],
  [{ sorted: true }, "/a?b=1&a=2&b=0&a=1", "/a?a=2&a=1&b=1&b=0"],
  [{ use: "listed", names: ["a", "b"], sorted: true }, "/a?b=1&c=3&a=2", "/a?a=2&b=1"],
];

test("cacheKeyOf() keeps of the query what the site says", () => {
  for (const [query, target, expected] of CASES) expect([target, keyOf(query, target)]).toEqual([target, expected]);
});

test("cacheKeyOf() gives a target whose key is itself, with the path untouched", () => {
  const query = fc.record({
    use: fc.constantFrom("all", "none", "listed", "unlisted"),
    names: fc.constant(["a", "b*"]),
    sorted: fc.boolean(),
  });
  const parameters = fc.array(fc.stringMatching(/^[abc=%&?]{0,4}$/)).map((list) => list.join("&"));
  fc.assert(
    fc.property(query, fc.stringMatching(/^[a-z/.%]{0,8}$/), parameters, (settings, path, text) => {
      const key = keyOf(settings, `/${path}?${text}`);
      expect(keyOf(settings, key)).toBe(key);
      expect(key.split("?", 1)[0]).toBe(`/${path}`);
    }),
  );
});
