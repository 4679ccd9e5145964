import { expect, test } from "bun:test";
import { parseLoad } from "./wrk.ts";

function output(changes: object): string {
  const sums = { requests: 200, bytes: 4000, durationUs: 2e6, badStatus: 0, socketErrors: 0, p50Us: 150, p99Us: 900 };
  return `Running 2s test\n  Latency 1ms\n\nNESON ${JSON.stringify({ ...sums, ...changes })}\n`;
}

test("parseLoad() turns sums into rates", () => {
  expect(parseLoad(output({}), "http://a/")).toEqual({
    requestsPerSecond: 100,
    bytesPerSecond: 2000,
    p50Ms: 0.15,
    p99Ms: 0.9,
  });
});

test("parseLoad() refuses runs with errors, without bytes, or without sums", () => {
  expect(() => parseLoad(output({ badStatus: 3 }), "http://a/")).toThrow(
    "of 200 requests 3 got an error status, 0 broke",
  );
  expect(() => parseLoad(output({ socketErrors: 1 }), "http://a/")).toThrow("1 broke");
  expect(() => parseLoad(output({ bytes: 0 }), "http://a/")).toThrow("gave no sums");
  expect(() => parseLoad("unable to connect", "http://a/")).toThrow("unable to connect");
});
