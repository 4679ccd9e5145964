import { expect, test } from "bun:test";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { Answer, EdgeRequest } from "@neson/kit/http/answer";
import { type HttpServer, serveHttp } from "@neson/kit/http/server";
import { silentLog } from "@neson/kit/log";
import { selfSigned } from "@neson/kit/wire/testing/self-signed";
import { startTestbed } from "./testbed.ts";

const pair = selfSigned("origin.test");
const resolve = async () => [{ address: "127.0.0.1", family: 4 as const }];
const BIG = Buffer.alloc(3_000_000, "neson");

async function answer(request: EdgeRequest): Promise<Answer> {
  const { target, httpVersion, host } = request;
  if (target === "/big") return { status: 200, headers: ["Cache-Control", "max-age=60"], body: BIG };
  if (target === "/broken") {
    const body = (async function* () {
      yield BIG.subarray(0, 100_000);
      throw new Error("gone");
    })();
    return { status: 200, headers: ["Cache-Control", "max-age=60", "Content-Length", "3000000"], body };
  }
  if (target === "/early") request.inform(103, ["Link", "</a.css>; rel=preload"]);
  let bytes = 0;
  for await (const block of request.body) bytes += block.length;
  const headers = ["Cache-Control", "no-store", "X-Two", "1", "X-Two", "2"];
  return { status: 200, headers, body: Buffer.from(`${httpVersion} ${host} ${bytes}`) };
}

function startTlsOrigin(port = 0): Promise<HttpServer> {
  return serveHttp({ hostname: "127.0.0.1", port, tls: pair, log: silentLog, handle: answer, limits: { graceMs: 50 } });
}

function siteWith(origins: object) {
  return { resolve, site: { origins: { authorities: pair.cert, ...origins } } };
}

test("an origin at an https URL is asked over HTTP/2 where the site wants it, else over HTTP/1.1", async () => {
  await using origin = await startTlsOrigin();
  const url = `https://origin.test:${origin.port}`;
  for (const [http2, version] of [
    [true, "2.0"],
    [false, "1.1"],
  ] as const) {
    await using bed = await startTestbed({ origin: url, ...siteWith({ http2 }) });
    const name = `origin.test:${origin.port}`;
    const reply = await bed.get("/a");
    expect([http2, reply.status, reply.body.toString()]).toEqual([http2, 200, `${version} ${name} 0`]);
    expect(reply.rawHeaders.filter((_text, i, all) => all[i - 1]?.toLowerCase() === "x-two")).toEqual(["1", "2"]);
    const posted = await bed.get("/a", { method: "POST", body: ["x".repeat(200_000), "y".repeat(100_000)] });
    expect(posted.body.toString()).toBe(`${version} ${name} 300000`);
    expect((await bed.get("/big")).body.equals(BIG)).toBe(true);
    expect((await bed.get("/big")).headers["cache-status"]).toContain("hit");
    const broken = await bed.get("/broken");
    expect([broken.cut, broken.body.length]).toEqual([true, 100_000]);
    const many = await Promise.all(Array.from({ length: 200 }, (_, i) => bed.get(`/many/${i}`)));
    expect(many.every(({ status }) => status === 200)).toBe(true);
  }
}, 20_000);

test("an origin whose certificate nobody vouches for is not asked", async () => {
  await using origin = await startTlsOrigin();
  for (const http2 of [true, false]) {
    const other = selfSigned("origin.test").cert;
    for (const authorities of [undefined, other]) {
      const site = { origins: { http2, ...(authorities === undefined ? {} : { authorities }) } };
      await using bed = await startTestbed({ origin: `https://origin.test:${origin.port}`, resolve, site });
      expect([http2, (await bed.get("/a")).status]).toEqual([http2, 502]);
    }
    await using bed = await startTestbed({ origin: `https://wrong.test:${origin.port}`, ...siteWith({ http2 }) });
    expect([http2, (await bed.get("/a")).status]).toEqual([http2, 502]);
    // The name that the site gives is the one that counts.
    await using named = await startTestbed({
      origin: `https://wrong.test:${origin.port}`,
      ...siteWith({ http2, hostName: "origin.test" }),
    });
    expect([http2, (await named.get("/a")).status]).toEqual([http2, 200]);
  }
}, 20_000);

test("an origin that speaks HTTP/1.1 alone is asked so", async () => {
  const server = https.createServer({ cert: pair.cert, key: pair.key }, (request, response) => {
    response.end(`${request.httpVersion}`);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  try {
    const { port } = server.address() as AddressInfo;
    await using bed = await startTestbed({ origin: `https://origin.test:${port}`, ...siteWith({ http2: true }) });
    for (let i = 0; i < 3; i++) expect((await bed.get(`/${i}`)).body.toString()).toBe("1.1");
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("a connection over HTTP/2 that has ended is replaced", async () => {
  const first = await startTlsOrigin();
  const { port } = first;
  await using bed = await startTestbed({ origin: `https://origin.test:${port}`, ...siteWith({ http2: true }) });
  expect((await bed.get("/a")).status).toBe(200);
  await first.stop();
  expect((await bed.get("/b")).status).toBe(502);
  await using second = await startTlsOrigin(port);
  expect(second.port).toBe(port);
  expect((await bed.get("/c")).body.toString()).toStartWith("2.0");
});
