import { expect, test } from "bun:test";
import { fieldMapOf } from "./field-map.ts";

test("fieldMapOf() joins lists and cookies, keeps Set-Cookie apart, and takes the first of what is no list", () => {
  const fields = fieldMapOf([
    ...["Accept", "a", "ACCEPT", "b", "Cookie", "x=1", "cookie", "y=2"],
    ...["Set-Cookie", "c", "set-cookie", "d", "Content-Type", "text/a", "Content-Type", "text/b", "__proto__", "p"],
  ]);
  expect({ ...fields }).toEqual({
    accept: "a, b",
    cookie: "x=1; y=2",
    "set-cookie": ["c", "d"],
    "content-type": "text/a",
    ["__proto__"]: "p",
  });
  expect(fieldMapOf([]).toString).toBeUndefined();
});
