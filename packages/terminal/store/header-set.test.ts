import { expect, test } from "bun:test";
import { prepareHeaderSet } from "./header-set.ts";

function prepare(list: [string, string][]) {
  return prepareHeaderSet({ headersId: "00", site: "demo", list }, 5);
}

test("prepareHeaderSet() keeps stored fields verbatim and in order, and adds what is missing", () => {
  const { whole } = prepare([
    ["ETag", '"x"'],
    ["x-a", "1"],
    ["X-A", "2"],
    ["timing-allow-origin", "https://a.example"],
  ]);
  expect(whole.slice(0, 8)).toEqual([
    "ETag",
    '"x"',
    "x-a",
    "1",
    "X-A",
    "2",
    "timing-allow-origin",
    "https://a.example",
  ]);
  expect(whole.slice(8).filter((_, i) => i % 2 === 0)).toEqual([
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Accept-Ranges",
    "Content-Length",
  ]);
  expect(whole.at(-1)).toBe("5");
});

test("prepareHeaderSet() drops what would break the framing of an answer", () => {
  const { whole } = prepare([
    ["Transfer-Encoding", "chunked"],
    ["content-length", "999"],
    ["Connection", "close, etag"],
    ["Content-Range", "bytes 0-1/2"],
    ["Accept-Ranges", "none"],
  ]);
  const values = whole.filter((_, i) => i % 2 === 1);
  for (const value of ["chunked", "999", "close, etag", "bytes 0-1/2", "none"]) expect(values).not.toContain(value);
});
