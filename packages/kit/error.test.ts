import { expect, test } from "bun:test";
import { describeError, NesonError, statusOf } from "./error.ts";

test("NesonError carries code, fault, details and cause", () => {
  const cause = new Error("socket hang up");
  const error = new NesonError("origin-down", "origin did not answer", { fault: "peer", details: { tries: 3 }, cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: "NesonError", code: "origin-down", fault: "peer", details: { tries: 3 }, cause });
  expect(new NesonError("x", "y", { fault: "bug" }).details).toEqual({});
});

test("statusOf() gives each fault its status", () => {
  expect([statusOf("caller"), statusOf("operator"), statusOf("peer"), statusOf("bug")]).toEqual([400, 503, 502, 500]);
});

test("describeError() is one line with the causes, repeating nothing", () => {
  const inner = new Error("connect ECONNREFUSED\n127.0.0.1:1");
  const outer = new NesonError("down", "origin did not answer", { fault: "peer", cause: inner });
  expect(describeError(outer)).toBe("origin did not answer: connect ECONNREFUSED 127.0.0.1:1");
  expect(describeError(new Error("a: b", { cause: new Error("b") }))).toBe("a: b");
  expect(describeError("text")).toBe("text");
  expect(describeError(undefined)).toBe("unknown error");
});
