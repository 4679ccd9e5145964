import { expect, test } from "bun:test";
import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { RawClient } from "@neson/kit/http/raw-client";
import { startTestbed, until } from "./testbed.ts";

const OFFER =
  "GET /chat HTTP/1.1\r\nHost: site.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a2V5\r\nSec-WebSocket-Version: 13\r\n\r\n";
const AGREED =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: abc\r\n\r\n";

/** An origin that answers the first request of a connection with these bytes, and then echoes. */
async function startEcho(answer: string) {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    let head = "";
    let isOpen = false;
    socket.on("data", (bytes) => {
      if (isOpen) {
        socket.write(bytes);
        return;
      }
      head += bytes.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      isOpen = true;
      heads.push(head.slice(0, end));
      socket.write(answer + head.slice(end + 4));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    ...{ heads, sockets, port: (server.address() as AddressInfo).port },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("tunnel() connects client and origin for as long as both want", async () => {
  await using origin = await startEcho(`${AGREED}welcome`);
  await using bed = await startTestbed({ origin: origin.port });
  using client = await RawClient.open(bed.port);
  client.send(`${OFFER}early`);
  const said = await client.until(/welcomeearly/);
  expect(said).toStartWith("HTTP/1.1 101 Switching Protocols\r\n");
  expect(said).toMatch(/\r\nSec-WebSocket-Accept: abc\r\n/i);
  expect(said.match(/upgrade: websocket/gi)).toHaveLength(1);
  client.send("x".repeat(500_000));
  await until(() => client.received.length >= said.length + 500_000, "the echo");
  const [head = ""] = origin.heads;
  expect(head).toStartWith("GET /chat HTTP/1.1\r\n");
  expect(head).toMatch(/\r\nConnection: Upgrade\r\nUpgrade: websocket$/);
  expect(head).toContain("Sec-WebSocket-Key: a2V5");
  expect(bed.edge.stats.routerBytes).toBe(0);
  client.socket.end();
  await until(() => origin.sockets.size === 0, "the origin's connection to end");
  await until(() => bed.edge.stats.routerBytes >= 500_000, "the bytes to be counted");
  expect(await bed.catalog.stored()).toMatchObject({ entries: 0 });
});

test("tunnel() ends when the origin ends, or breaks", async () => {
  for (const end of ["end", "resetAndDestroy"] as const) {
    await using origin = await startEcho(AGREED);
    await using bed = await startTestbed({ origin: origin.port });
    using client = await RawClient.open(bed.port);
    await client.send(OFFER).until(/\r\n\r\n/);
    for (const socket of origin.sockets) socket[end]();
    await client.until("closed");
  }
});

test("tunnel() frees the origin's connection when the client breaks", async () => {
  await using origin = await startEcho(AGREED);
  await using bed = await startTestbed({ origin: origin.port });
  using client = await RawClient.open(bed.port);
  await client.send(OFFER).until(/\r\n\r\n/);
  client.socket.resetAndDestroy();
  await until(() => origin.sockets.size === 0, "the origin's connection to end");
});

test("tunnel() passes on what an origin answers that does not agree, and never stores it", async () => {
  const refusal = "HTTP/1.1 426 Upgrade Required\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nno";
  await using origin = await startEcho(refusal);
  await using bed = await startTestbed({ origin: origin.port });
  for (let i = 1; i <= 2; i++) {
    using client = await RawClient.open(bed.port);
    expect(await client.send(OFFER).until(/no$/)).toStartWith("HTTP/1.1 426 ");
    expect(origin.heads).toHaveLength(i);
  }
});

test("tunnel() is refused where the site says so, and by an origin out of reach", async () => {
  await using origin = await startEcho(AGREED);
  await using bed = await startTestbed({ origin: origin.port, site: { access: { webSockets: false } } });
  using client = await RawClient.open(bed.port);
  expect(await client.send(OFFER).until(/\n$/)).toStartWith("HTTP/1.1 403 ");
  expect(origin.heads).toEqual([]);
  await using none = await startTestbed({ origin: "http://127.0.0.1:1" });
  using other = await RawClient.open(none.port);
  expect(await other.send(OFFER).until(/\n$/)).toStartWith("HTTP/1.1 502 ");
});

test("no other protocol is passed on", async () => {
  await using origin = await startEcho("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\nok");
  await using bed = await startTestbed({ origin: origin.port });
  for (const offer of [
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
    "Upgrade: TLS/1.2\r\nConnection: Upgrade",
    "Upgrade: websocket",
  ]) {
    using client = await RawClient.open(bed.port);
    expect(await client.send(`GET /x HTTP/1.1\r\nHost: site.test\r\n${offer}\r\n\r\n`).until(/ok$/)).toStartWith(
      "HTTP/1.1 200 ",
    );
  }
  expect(origin.heads.filter((head) => /\r\n(upgrade|http2-settings):/i.test(head))).toEqual([]);
});
