import { expect, test } from "bun:test";
import { RawClient } from "@neson/kit/http/raw-client";
import { serveHttp } from "@neson/kit/http/server";
import { silentLog } from "@neson/kit/log";
import { startTestbed, until } from "../../packages/router/edge/testbed.ts";
import { startRawOrigin } from "./raw-origin.ts";

const SLOW = 60;
const LIMITS = { headersMs: 600, contentMs: 600, stallMs: 600, keepAliveMs: 600, graceMs: 100 };

/** What slow clients send at first, and then bit by bit. */
const ATTACKS: [name: string, first: string, drip: string][] = [
  ["header section", "GET / HTTP/1.1\r\nHost: site.test\r\n", "X-a: b\r\n"],
  ["content of a given length", "POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 100000\r\n\r\n", "x"],
  ["chunked content", "POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"],
  ["chunk size line", "POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x"],
  ["trailer section", "POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-a: b\r\n"],
  ["empty lines", "\r\n", "\r\n"],
];

test("a Router sheds slow clients of every kind within its deadlines, and serves others meanwhile", async () => {
  await using origin = await startRawOrigin();
  await using bed = await startTestbed({ origin: origin.port });
  const options = { hostname: "127.0.0.1", port: 0, handle: bed.edge.handle, log: silentLog, limits: LIMITS };
  await using server = await serveHttp(options);
  for (const [name, first, drip] of ATTACKS) {
    const clients = await Promise.all(Array.from({ length: SLOW }, () => RawClient.open(server.port)));
    for (const client of clients) client.send(first);
    const dripping = setInterval(() => {
      for (const client of clients) if (!client.closed) client.send(drip);
    }, 50);
    using good = await RawClient.open(server.port);
    good.send("GET / HTTP/1.1\r\nHost: site.test\r\n\r\n");
    expect([name, await good.until(/ok$/, 1000)]).toEqual([name, expect.stringContaining("HTTP/1.1 200 OK")]);
    await until(() => clients.every(({ closed }) => closed), `${name}: all are shed`, 4000);
    clearInterval(dripping);
    expect(
      clients.map(({ received }) => received.slice(0, 12)).every((start) => /^(HTTP\/1\.1 408)?$/.test(start)),
    ).toBe(true);
    await until(() => server.openTransfers() === 0, `${name}: nothing is open`);
  }
}, 40_000);
