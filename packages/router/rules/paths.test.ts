import { expect, test } from "bun:test";
import { eitherMatches, firstRules, pathsOf } from "./paths.ts";

test("pathsOf() reads a path as an origin might", () => {
  const cases: [target: string, plain: string][] = [
    ["/a/b?c=/../d", "/a/b"],
    ["/%70rivate/x", "/private/x"],
    ["/public/../private/x", "/private/x"],
    ["/public/%2e%2E/private", "/private"],
    ["/public/..%2fprivate", "/private"],
    ["/public/..\\private", "/private"],
    ["/public%5c..%5cprivate", "/private"],
    ["//private//x/", "/private/x/"],
    ["/./private/.", "/private/"],
    ["/../../x", "/x"],
    ["/", "/"],
    ["/..", "/"],
    ["/%e2%82%ac", "/€"],
    ["/%ff%41", "/ÿA"],
    ["/100%", "/100%"],
    ["/a.b/.well-known/x", "/a.b/.well-known/x"],
  ];
  for (const [target, plain] of cases) expect([target, pathsOf(target).plain]).toEqual([target, plain]);
  expect(pathsOf("/%61?q").raw).toBe("/%61");
});

test("firstRules() gives the answers of both readings when they differ", () => {
  const rule = (prefix: string) => ({ prefix, matches: (path: string) => path.startsWith(prefix) });
  const rules = [rule("/public/"), rule("/private/")];
  const found = (target: string) => firstRules(rules, pathsOf(target)).map((one) => one?.prefix);
  expect(found("/public/x")).toEqual(["/public/"]);
  expect(found("/public/%78")).toEqual(["/public/"]);
  expect(found("/public/../private/x")).toEqual(["/public/", "/private/"]);
  expect(found("/%70rivate/x")).toEqual([undefined, "/private/"]);
  expect(found("/other")).toEqual([undefined]);
});

test("eitherMatches() holds for one reading alone", () => {
  const isPrivate = (path: string) => path.startsWith("/private/");
  expect(eitherMatches(isPrivate, pathsOf("/%70rivate/x"))).toBe(true);
  expect(eitherMatches(isPrivate, pathsOf("/private/../x"))).toBe(true);
  expect(eitherMatches(isPrivate, pathsOf("/x"))).toBe(false);
});
