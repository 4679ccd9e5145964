import { expect, test } from "bun:test";
import { Gdsf } from "./gdsf.ts";

test("Gdsf evicts the least frequency per byte, aged by the priority of what it evicted", () => {
  const gdsf = new Gdsf({ capacityBytes: 10, sizes: new Float64Array([5, 5, 2, 5]) });
  const request = (...keys: number[]) => keys.map((key) => gdsf.request(key));
  // 0 and 1 have 1/5 each, 0 then 2/5. 2 evicts 1: L = 0.2, and 2 gets 0.2 + 1/2.
  expect(request(0, 1, 0, 2)).toEqual([false, false, true, false]);
  // 3 evicts 0 (0.4): L = 0.4, and 3 gets 0.6. Then 0 comes back and evicts 3 (0.6), not 2 (0.7).
  expect(request(3, 0, 2, 3)).toEqual([false, false, true, false]);
});
