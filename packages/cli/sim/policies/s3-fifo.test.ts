import { expect, test } from "bun:test";
import { S3Fifo } from "./s3-fifo.ts";

function fifo() {
  const policy = new S3Fifo({ capacityBytes: 10, sizes: new Float64Array(30).fill(1) });
  return (...keys: number[]) => keys.map((key) => policy.request(key));
}

test("S3Fifo moves an object hit twice to the main queue and lets one hit less go", () => {
  const request = fifo();
  request(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
  expect(request(0, 0, 1)).toEqual([true, true, true]);
  // Each newcomer takes one out of the small queue: 0 moves on and 1 goes, then 2 to 9 and 10.
  request(10, 11, 12, 13, 14, 15, 16, 17, 18);
  expect(request(0, 18)).toEqual([true, true]);
  expect(request(1)).toEqual([false]);
});

test("S3Fifo takes what left a ghost into the main queue at once", () => {
  const request = fifo();
  request(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  expect(request(0)).toEqual([false]);
  request(11, 12, 13, 14, 15, 16, 17, 18, 19, 20);
  expect(request(0, 5)).toEqual([true, false]);
});
