import { expect, test } from "bun:test";
import { steeredHeadersOf } from "../catalog/entry.ts";
import { type Ask, startOrigin, startTestbed } from "./testbed.ts";

const TAGS = { "Cache-Tag": "a, b", "Surrogate-Key": "c d" };

test("no answer to a viewer names tags, whichever way it took", async () => {
  const text = "words that repeat themselves ".repeat(200);
  await using origin = await startOrigin((request, response) => {
    const { url = "", headers } = request;
    if (url === "/hints") response.writeEarlyHints({ link: "</a.css>; rel=preload", ...TAGS } as { link: string });
    const fresh = {
      ...TAGS,
      ETag: '"1"',
      "Content-Type": "text/plain",
      "Cache-Control": url === "/private" ? "private" : "max-age=0",
    };
    if (url === "/broken") response.writeHead(503, fresh).end();
    else if (headers["if-none-match"] !== undefined) response.writeHead(304, fresh).end();
    else if (headers.range !== undefined && url === "/part") {
      response
        .writeHead(206, {
          ...fresh,
          "Cache-Control": "max-age=60",
          "Content-Range": "bytes 0-3/100000000",
          "Content-Length": 4,
        })
        .end("part");
    } else if (url === "/odd") {
      response
        .writeHead(206, {
          ...fresh,
          "Cache-Control": "max-age=60",
          "Content-Range": "bytes 5-9/10",
          "Content-Length": 4,
        })
        .end("odd!");
    } else response.writeHead(200, fresh).end(text);
  });
  await using bed = await startTestbed({ origin: origin.port, site: { cache: { compression: true } } });
  const asks: [target: string, ask: Ask][] = [
    ["/stored", {}],
    ["/stored", { headers: { "If-None-Match": '"other"' } }],
    ["/stored", { headers: { "If-None-Match": '"1"' } }],
    ["/stored", { headers: { "Accept-Encoding": "gzip" } }],
    ["/stored", { method: "HEAD" }],
    ["/stored", { method: "POST", body: "x" }],
    ["/private", {}],
    ["/head", { method: "HEAD" }],
    ["/broken", {}],
    ["/hints", {}],
    ["/part", { headers: { Range: "bytes=0-3" } }],
    ["/part", { headers: { Range: "bytes=0-3" } }],
    ["/odd", { headers: { Range: "bytes=5-9" } }],
  ];
  for (const [target, ask] of asks) {
    const { status, headers } = await bed.get(target, ask);
    expect(status).toBeGreaterThan(199);
    expect([target, ask.method, headers["cache-tag"], headers["surrogate-key"]]).toEqual([
      target,
      ask.method,
      undefined,
      undefined,
    ]);
  }
  for (const entry of bed.steering.placed) {
    expect(entry.headers).toContain("Cache-Tag");
    expect(steeredHeadersOf(entry).map(([name]) => name.toLowerCase())).not.toContain("cache-tag");
  }
  expect(bed.steering.placed.length).toBeGreaterThan(0);
});
