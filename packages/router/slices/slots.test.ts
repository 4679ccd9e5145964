import { expect, test } from "bun:test";
import { Slots } from "./slots.ts";

test("Slots lets so many in at once for each site, and the others in turn", async () => {
  const slots = new Slots(2);
  const order: string[] = [];
  const take = (name: string, site: string) =>
    slots.take(site).then((release) => {
      order.push(name);
      return release;
    });
  const [a, , c] = [take("a", "x"), take("b", "x"), take("c", "x")];
  const [d, e] = [take("d", "x"), take("e", "y")];
  await e;
  expect(order).toEqual(["a", "b", "e"]);
  const release = await a;
  release();
  // Once is enough.
  release();
  await c;
  expect(order).toEqual(["a", "b", "e", "c"]);
  (await c)();
  await d;
  expect(order).toEqual(["a", "b", "e", "c", "d"]);
});
