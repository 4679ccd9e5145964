import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { digestHeader, reprDigestHeader } from "@neson/protocol/http-digest";
import { startOrigin, startTestbed, testBytes } from "./testbed.ts";

const LARGE = testBytes(300_000);
const SHA256 = createHash("sha256").update(LARGE).digest("hex");
const VIDEO = { "Content-Type": "video/mp4", ETag: '"v1"', "Cache-Control": "max-age=600" };

async function largeFile() {
  const origin = await startOrigin((_request, response) => {
    response.writeHead(200, { ...VIDEO, "Content-Length": LARGE.length, "Set-Cookie2": "x" });
    response.end(LARGE);
  });
  const bed = await startTestbed({ origin: origin.port });
  return {
    origin,
    bed,
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

test("edge streams the first answer from the origin and steers the second", async () => {
  await using net = await largeFile();
  const { bed, origin } = net;
  bed.steering.terminals = 3;
  const first = await bed.get('/a%20b/../v.mp4?q="x"');
  expect([first.status, first.body.equals(LARGE), first.cut]).toEqual([200, true, false]);
  expect(first.headers["cache-status"]).toBe("NESON; fwd=miss; stored");
  expect(bed.steering.placed.length).toBe(1);

  const second = await bed.get('/a%20b/../v.mp4?q="x"');
  expect(second.status).toBe(307);
  expect(second.headers.location).toBe('http://t0.test/v1/ticket0/site.test/a%20b/../v.mp4?q="x"');
  const links = second.rawHeaders.filter((_, i, all) => i % 2 === 1 && all[i - 1] === "Link");
  expect(links).toEqual([
    '<http://t1.test/v1/ticket1/site.test/a%20b/../v.mp4?q="x">; rel=duplicate; pri=1',
    '<http://t2.test/v1/ticket2/site.test/a%20b/../v.mp4?q="x">; rel=duplicate; pri=2',
  ]);
  expect(second.headers.digest).toBe(digestHeader(SHA256));
  expect(second.headers["repr-digest"]).toBe(reprDigestHeader(SHA256));
  expect(second.headers["cache-control"]).toBe("no-store");
  expect(second.headers["content-length"]).toBe("0");
  expect(second.headers["access-control-allow-origin"]).toBe("*");
  expect(second.headers["cache-status"]).toMatch(/^NESON; hit; ttl=(600|599|598)$/);
  expect(origin.requests.length).toBe(1);
  expect(origin.requests[0]?.target).toBe('/a%20b/../v.mp4?q="x"');
  expect(bed.edge.stats).toMatchObject({ requests: 2, hits: 1, misses: 1, steered: 1, originRequests: 1 });
  expect(bed.edge.stats.routerBytes).toBe(LARGE.length);
});

test("edge answers a steered class itself when no Terminal is there, or credentials or several spans are asked", async () => {
  await using net = await largeFile();
  const { bed, origin } = net;
  await bed.get("/v.mp4");
  const alone = await bed.get("/v.mp4");
  expect([alone.status, alone.body.equals(LARGE), alone.headers.age]).toEqual([200, true, "0"]);
  bed.steering.terminals = 3;
  const several = await bed.get("/v.mp4", { headers: { Range: "bytes=0-9,100-109" } });
  expect([several.status, several.headers["content-type"]?.startsWith("multipart/byteranges")]).toEqual([206, true]);
  const beyond = await bed.get("/v.mp4", { headers: { Range: "bytes=900000-" } });
  expect([beyond.status, beyond.headers["content-range"]]).toEqual([416, "bytes */300000"]);
  expect(origin.requests.length).toBe(1);
  // No public, s-maxage or must-revalidate: what is stored must not answer credentials (RFC 9111 3.5).
  const credentials = await bed.get("/v.mp4", { headers: { Authorization: "Basic eA==" } });
  expect([credentials.status, credentials.headers["cache-status"]]).toEqual([200, "NESON; fwd=bypass"]);
  expect(origin.requests.length).toBe(2);
  expect(origin.requests[1]?.headers.authorization).toBe("Basic eA==");
});

test("edge gives Terminals the range that is asked, and the whole when If-Range fails", async () => {
  await using net = await largeFile();
  const { bed } = net;
  await bed.get("/v.mp4");
  bed.steering.terminals = 1;
  const rangeOf = async (headers: Record<string, string>) => {
    const reply = await bed.get("/v.mp4", { headers });
    return [reply.status, bed.steering.queries.at(-1)?.range];
  };
  expect(await rangeOf({ Range: "bytes=10-19" })).toEqual([307, { first: 10, last: 19 }]);
  expect(await rangeOf({ Range: "bytes=-5" })).toEqual([307, { first: 299_995, last: 299_999 }]);
  expect(await rangeOf({ Range: "bytes=10-19", "If-Range": '"v1"' })).toEqual([307, { first: 10, last: 19 }]);
  expect(await rangeOf({ Range: "bytes=10-19", "If-Range": '"v0"' })).toEqual([307, undefined]);
  expect(await rangeOf({ Range: "lines=1-2" })).toEqual([307, undefined]);
  expect(await rangeOf({ Cookie: "a=b" })).toEqual([307, undefined]);
});

test("edge answers HEAD and conditions from what is stored", async () => {
  await using net = await largeFile();
  const { bed, origin } = net;
  const cold = await bed.get("/v.mp4", { method: "HEAD" });
  expect([cold.status, cold.headers["content-length"], cold.body.length]).toEqual([200, "300000", 0]);
  expect(origin.requests[0]?.method).toBe("HEAD");
  await bed.get("/v.mp4");
  bed.steering.terminals = 2;
  expect((await bed.get("/v.mp4", { method: "HEAD" })).status).toBe(307);
  const same = await bed.get("/v.mp4", { headers: { "If-None-Match": '"v1"' } });
  expect([same.status, same.headers.etag, same.body.length]).toEqual([304, '"v1"', 0]);
  expect((await bed.get("/v.mp4", { headers: { "If-Match": '"v0"' } })).status).toBe(412);
  expect((await bed.get("/v.mp4", { headers: { "If-None-Match": '"v0"' } })).status).toBe(307);
  expect(origin.requests.length).toBe(2);
});

test("edge writes a Metalink for those who prefer one", async () => {
  await using net = await largeFile();
  const { bed } = net;
  await bed.get("/dir/v.mp4?x=1");
  bed.steering.terminals = 2;
  const reply = await bed.get("/dir/v.mp4?x=1", { headers: { Accept: "application/metalink4+xml" } });
  expect([reply.status, reply.headers["content-type"]]).toEqual([200, "application/metalink4+xml"]);
  const document = reply.body.toString();
  expect(document).toContain('<file name="v.mp4">');
  expect(document).toContain("<size>300000</size>");
  expect(document).toContain(`<hash type="sha-256">${SHA256}</hash>`);
  const pieces = [LARGE.subarray(0, 262_144), LARGE.subarray(262_144)];
  for (const piece of pieces) expect(document).toContain(createHash("sha256").update(piece).digest("hex"));
  expect(document).toContain('<url priority="1">http://t0.test/v1/ticket0/site.test/dir/v.mp4?x=1</url>');
  expect(document).toContain('<url priority="3">http://site.test/dir/v.mp4?x=1</url>');
  const tool = await bed.get("/dir/v.mp4?x=1", { headers: { Accept: "*/*,application/metalink4+xml" } });
  expect(tool.status).toBe(307);
});

test("edge answers small objects itself, with ranges, from memory and from disk", async () => {
  const page = "<p>hello</p>";
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, {
      "Content-Type": "text/html",
      "Cache-Control": "max-age=60",
      Server: "x",
      "Alt-Svc": "h3",
    });
    response.end(page);
  });
  for (const [place, memoryBytes] of [
    ["memory", 1e6],
    ["disk", 0],
  ] as const) {
    await using bed = await startTestbed({ origin: origin.port, memoryBytes });
    bed.steering.terminals = 3;
    await bed.get("/");
    const reply = await bed.get("/");
    expect([place, reply.status, reply.body.toString()]).toEqual([place, 200, page]);
    expect(reply.headers["alt-svc"]).toBeUndefined();
    expect(reply.headers.via).toBe("1.1 neson");
    const part = await bed.get("/", { headers: { Range: "bytes=3-7" } });
    expect([part.status, part.body.toString(), part.headers["content-range"]]).toEqual([206, "hello", "bytes 3-7/12"]);
    expect(bed.edge.stats).toMatchObject({ steered: 0, originRequests: 1 });
  }
});

test("edge follows a site's rule against the default", async () => {
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/html", "Cache-Control": "max-age=60" });
    response.end("page");
  });
  const rules = [{ path: "/away/*", deliver: "redirect" as const }];
  await using bed = await startTestbed({ origin: origin.port, site: { rules } });
  bed.steering.terminals = 1;
  for (const [path, status] of [
    ["/away/x", 307],
    ["/here", 200],
  ] as const) {
    await bed.get(path);
    expect([path, (await bed.get(path)).status]).toEqual([path, status]);
  }
});

test("edge pulls again when it must answer and the shield lost the bytes", async () => {
  await using net = await largeFile();
  const { bed, origin } = net;
  await bed.get("/v.mp4");
  const path = bed.shield.open((await bed.catalog.find("test-site", "/v.mp4", {}))?.object.objectId ?? "")?.path ?? "";
  await rm(path);
  bed.steering.terminals = 1;
  expect((await bed.get("/v.mp4")).status).toBe(307);
  bed.steering.terminals = 0;
  const again = await bed.get("/v.mp4");
  expect([again.status, again.body.equals(LARGE), origin.requests.length]).toEqual([200, true, 2]);
  expect((await bed.get("/v.mp4")).body.equals(LARGE)).toBe(true);
  expect(origin.requests.length).toBe(2);
});

test("edge tells unknown hosts so", async () => {
  await using net = await largeFile();
  const reply = await net.bed.get("/", { host: "other.test:8080" });
  expect([reply.status, reply.body.toString()]).toEqual([
    404,
    "404 Not Found: no site answers to the host name other.test\n",
  ]);
});

test("edge has the same entries after a restart, and forgets bytes that are gone", async () => {
  await using first = await largeFile();
  const { bed, origin } = first;
  await bed.get("/kept.mp4");
  const known = await bed.catalog.find("test-site", "/kept.mp4", {});
  await bed.catalog[Symbol.asyncDispose]();
  {
    await using again = await startTestbed({ origin: origin.port, directory: bed.directory });
    again.steering.terminals = 1;
    const found = await again.catalog.find("test-site", "/kept.mp4", {});
    expect(found).toEqual(known);
    expect((await again.get("/kept.mp4")).status).toBe(307);
    again.steering.terminals = 0;
    expect((await again.get("/kept.mp4")).body.equals(LARGE)).toBe(true);
    expect(origin.requests.length).toBe(1);
  }
  const objectId = known?.object.objectId ?? "";
  await rm(join(bed.directory, "shield", objectId.slice(0, 2), objectId));
  await using third = await startTestbed({ origin: origin.port, directory: bed.directory });
  expect(third.shield.open(objectId)).toBeUndefined();
  expect((await third.get("/kept.mp4")).body.equals(LARGE)).toBe(true);
  expect(origin.requests.length).toBe(2);
});
