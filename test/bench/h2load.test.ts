import { expect, test } from "bun:test";
import { parseHttp2Load } from "./h2load.ts";

const OUTPUT = `finished in 1.00s, 1229.00 req/s, 1.20GB/s
requests: 1229 total, 1293 started, 1229 done, 1229 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 1230 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 1.20GB (1290565888) total, 171.77KB (175890) headers (space savings 31.25%), 1.20GB (1288962048) data
                     min         max         mean         sd        +/- sd
time for request:     2.74ms     98.86ms     49.66ms     11.69ms    87.47%`;
const run = { url: "https://127.0.0.1:1/", seconds: 2 };

test("parseHttp2Load() reads rates and the mean latency", () => {
  expect(parseHttp2Load(OUTPUT, run)).toEqual({
    requestsPerSecond: 615,
    bytesPerSecond: 645_282_944,
    p50Ms: 49.66,
    p99Ms: 49.66,
  });
});

test("parseHttp2Load() refuses a run with errors, and output that is none", () => {
  expect(() => parseHttp2Load(OUTPUT.replace("0 4xx", "3 4xx"), run)).toThrow(/3 requests got an error/);
  expect(() => parseHttp2Load("could not connect", run)).toThrow(/could not connect/);
});
