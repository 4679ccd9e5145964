import { expect, test } from "bun:test";
import { codedEtag, codedHeaders, varyingHeaders } from "./coded-headers.ts";

test("codedHeaders() describes the coded bytes and nothing of the others", () => {
  const headers = [
    ...["Content-Type", "text/html", "ETag", '"v1"', "Repr-Digest", "sha-256=:x:", "Content-MD5", "y"],
    ...["Accept-Ranges", "bytes", "Content-Length", "900", "Last-Modified", "z"],
  ];
  expect(codedHeaders(headers, "br", 300)).toEqual([
    ...["Content-Type", "text/html", "ETag", 'W/"v1-br"', "Last-Modified", "z"],
    ...["Content-Encoding", "br", "Content-Length", "300", "Vary", "Accept-Encoding"],
  ]);
});

test("varyingHeaders() names Accept-Encoding once", () => {
  expect(varyingHeaders(["a", "b"])).toEqual(["a", "b", "Vary", "Accept-Encoding"]);
  expect(varyingHeaders(["Vary", "Origin, accept-encoding"])).toEqual(["Vary", "Origin, accept-encoding"]);
  expect(varyingHeaders(["Vary", "Origin"])).toEqual(["Vary", "Origin", "Vary", "Accept-Encoding"]);
});

test("codedEtag() gives weak tags that differ by coding, whatever the origin's looked like", () => {
  expect(codedEtag('"a"', "br")).toBe('W/"a-br"');
  expect(codedEtag('W/"a"', "gzip")).toBe('W/"a-gzip"');
  expect(codedEtag("a", "zstd")).toBe('W/"a-zstd"');
});
