import { afterEach, expect, test } from "bun:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { type Ask, startOrigin, startTestbed } from "./testbed.ts";

const PAGE = "<p>the quick brown fox</p>\n".repeat(2000);
const cleanups: AsyncDisposable[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup[Symbol.asyncDispose]();
});

async function stage(fields: Record<string, string> = {}, cache: { compression?: boolean } = {}) {
  const origin = await startOrigin((_request, response) => {
    const headers = { "Content-Type": "text/html", "Cache-Control": "max-age=60", ETag: '"v1"', ...fields };
    response.writeHead(200, headers).end(PAGE);
  });
  const testbed = await startTestbed({ origin: origin.port, site: { cache } });
  cleanups.push(origin, testbed);
  const get = (acceptEncoding?: string, ask: Ask = {}) => {
    const headers = { ...ask.headers, ...(acceptEncoding === undefined ? {} : { "Accept-Encoding": acceptEncoding }) };
    return testbed.get("/page", { ...ask, headers });
  };
  return { origin, get };
}

test("a stored page goes out in the coding that the client prefers, and is pulled once for all of them", async () => {
  const { origin, get } = await stage();
  await get();
  const br = await get("gzip, deflate, br");
  expect(br.headers["content-encoding"]).toBe("br");
  expect(br.headers.etag).toBe('W/"v1-br"');
  expect(Number(br.headers["content-length"])).toBe(br.body.length);
  expect(brotliDecompressSync(br.body).toString()).toBe(PAGE);
  const gzip = await get("gzip");
  expect(gunzipSync(gzip.body).toString()).toBe(PAGE);
  const zstd = await get("zstd");
  expect(zstdDecompressSync(zstd.body).toString()).toBe(PAGE);
  const plain = await get();
  expect(plain.headers["content-encoding"]).toBeUndefined();
  expect(plain.headers.etag).toBe('"v1"');
  expect(plain.body.toString()).toBe(PAGE);
  for (const { headers } of [br, gzip, zstd, plain]) expect(headers.vary).toBe("Accept-Encoding");
  expect(origin.requests.length).toBe(1);
  expect(origin.requests[0]?.headers["accept-encoding"]).toBe("identity");
});

test("the first answer is coded while it comes in", async () => {
  const { get } = await stage();
  const first = await get("br");
  expect(first.headers["content-encoding"]).toBe("br");
  expect(brotliDecompressSync(first.body).toString()).toBe(PAGE);
  expect(first.body.length).toBeLessThan(PAGE.length / 10);
});

test("conditions are judged by the validator of the coding that would be sent", async () => {
  const { get } = await stage();
  await get();
  const ask = (acceptEncoding: string | undefined, etag: string) =>
    get(acceptEncoding, { headers: { "If-None-Match": etag } });
  expect((await ask("br", 'W/"v1-br"')).status).toBe(304);
  expect((await ask("gzip", 'W/"v1-br"')).status).toBe(200);
  expect((await ask("br", '"v1"')).status).toBe(200);
  expect((await ask(undefined, '"v1"')).status).toBe(304);
});

test("parts are parts of the bytes as they are", async () => {
  const { get } = await stage();
  await get();
  const part = await get("br", { headers: { Range: "bytes=3-5" } });
  expect([part.status, part.headers["content-encoding"], part.body.toString()]).toEqual([206, undefined, "the"]);
});

test("HEAD tells the same fields as GET", async () => {
  const { get } = await stage();
  await get();
  const whole = await get("br");
  const head = await get("br", { method: "HEAD" });
  for (const name of ["content-encoding", "content-length", "etag", "vary"]) {
    expect([name, head.headers[name]]).toEqual([name, whole.headers[name]]);
  }
  expect(head.body.length).toBe(0);
});

test("nothing is coded where the origin or the site forbids it", async () => {
  const forbidden = await stage({ "Cache-Control": "max-age=60, no-transform" });
  const off = await stage({}, { compression: false });
  const coded = await stage({ "Content-Encoding": "x-own" });
  for (const { get } of [forbidden, off, coded]) {
    await get();
    const again = await get("br, gzip");
    expect(again.body.toString()).toBe(PAGE);
    expect(again.headers.vary).toBeUndefined();
  }
});
