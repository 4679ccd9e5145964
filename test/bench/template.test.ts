import { expect, test } from "bun:test";
import { fillTemplate } from "./template.ts";

test("fillTemplate() replaces every name and takes values as they are", () => {
  expect(fillTemplate("a {{x}} b {{y}} {{x}}", { x: 1, y: "$&" })).toBe("a 1 b $& 1");
});

test("fillTemplate() names what is missing", () => {
  expect(() => fillTemplate("{{z}}", { x: 1 })).toThrow("template names {{z}}, given are x");
});
