import { expect, test } from "bun:test";
import type { Handle, HttpRequest } from "../http/answer.ts";
import { RawClient } from "../http/raw-client.ts";
import { get, text, until } from "../http/testing/listener-case.ts";
import { MESSAGE_CASES } from "../http/testing/message-cases.ts";
import { REFUSAL_CASES } from "../http/testing/refusal-cases.ts";
import { STREAM_CASES } from "../http/testing/stream-cases.ts";
import { silentLog } from "../log.ts";
import type { WireLimits } from "./connection.ts";
import { serveWire } from "./server.ts";

function serve(handle: Handle<HttpRequest>, { port = 0, ...limits }: WireLimits & { port?: number } = {}) {
  return serveWire({ hostname: "127.0.0.1", port, handle, log: silentLog, limits: { graceMs: 200, ...limits } });
}

for (const { name, run } of [...MESSAGE_CASES, ...STREAM_CASES, ...REFUSAL_CASES]) {
  test(`serveWire() ${name}`, () => run(serve));
}

test("serveWire() closes connections beyond an address's number, and counts them off again", async () => {
  await using server = await serve(() => text("x"), { maxConnectionsPerAddress: 2 });
  const first = await RawClient.open(server.port);
  using second = await RawClient.open(server.port);
  await until("both are counted", () => server.connections() === 2);
  using third = await RawClient.open(server.port);
  await third.until("closed");
  expect(await second.send(get("/")).until(/x$/)).toStartWith("HTTP/1.1 200 ");
  first.socket.destroy();
  await until("one is gone", () => server.connections() === 1);
  using fourth = await RawClient.open(server.port);
  expect(await fourth.send(get("/")).until(/x$/)).toStartWith("HTTP/1.1 200 ");
});

test("serveWire() closes connections beyond its number in all", async () => {
  await using server = await serve(() => text("x"), { maxConnections: 1 });
  using first = await RawClient.open(server.port);
  await until("it is counted", () => server.connections() === 1);
  using second = await RawClient.open(server.port);
  await second.until("closed");
  expect(await first.send(get("/")).until(/x$/)).toStartWith("HTTP/1.1 200 ");
});

test("serveWire() answers an address that asks too often 429 with Retry-After, and serves it again later", async () => {
  await using server = await serve(() => text("x"), { maxRequestsPerSecond: 20 });
  using client = await RawClient.open(server.port);
  const statuses = (status: number) => client.received.split(`HTTP/1.1 ${status} `).length - 1;
  client.send(get("/").repeat(60));
  await until("every request is answered", () => statuses(200) + statuses(429) === 60);
  expect(statuses(200)).toBeWithin(20, 40);
  expect(client.received).toMatch(/HTTP\/1\.1 429 Too Many Requests\r\n[^<]*?Retry-After: 1\r\n/);
  const before = statuses(200);
  await until("there is credit again", () => {
    client.send(get("/"));
    return statuses(200) > before;
  });
});

test("serveWire() finishes what a client that sends no more still has to get, then closes", async () => {
  const body = new Uint8Array(30 << 20);
  await using server = await serve(() => ({ status: 200, headers: [], body }));
  using client = await RawClient.open(server.port);
  client.socket.pause();
  client.send(get("/"));
  await until("the transfer is open", () => server.openTransfers() === 1);
  client.socket.end();
  await new Promise((resolve) => setTimeout(resolve, 100));
  client.socket.resume();
  const answer = await client.until("closed", 10_000);
  expect(answer.length - answer.indexOf("\r\n\r\n") - 4).toBe(body.length);
});

test("serveWire() delivers a refusal to a client that is still sending", async () => {
  await using server = await serve(() => text("x"));
  using client = await RawClient.open(server.port);
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n`);
  for (let i = 0; i < 20; i++) client.send("x".repeat(1_000_000));
  expect(await client.until("closed")).toStartWith("HTTP/1.1 413 ");
});

test("serveWire() holds next to nothing for 200 stalled downloads of 100 MiB", async () => {
  const block = new Uint8Array(256 * 1024);
  async function* body() {
    for (let i = 0; i < 400; i++) yield block;
  }
  await using server = await serve(() => ({
    status: 200,
    headers: ["Content-Length", String(100 << 20)],
    body: body(),
  }));
  const child = Bun.spawn([process.execPath, "-e", STALLING_CLIENTS, String(server.port)], { stdout: "pipe" });
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  await until("every download is open", () => server.openTransfers() === 200, 10_000);
  await new Promise((resolve) => setTimeout(resolve, 500));
  Bun.gc(true);
  const grown = process.memoryUsage.rss() - before;
  child.kill();
  await child.exited;
  expect(grown).toBeLessThan(60 << 20);
  await until("every download is given up", () => server.openTransfers() === 0);
}, 20_000);

/** Opens 200 downloads and reads none of them; a process of its own, so that its memory is not counted. */
const STALLING_CLIENTS = `
  const { connect } = require("node:net");
  for (let i = 0; i < 200; i++) {
    const socket = connect(Number(process.argv[1]), "127.0.0.1");
    socket.pause();
    socket.write("GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n");
  }
  setInterval(() => {}, 1000);
`;
