import { expect, test } from "bun:test";
import { silentLog } from "../log.ts";
import type { HttpLimits } from "../wire/connection.ts";
import type { Handle } from "./answer.ts";
import { RawClient } from "./raw-client.ts";
import { serveHttp } from "./server.ts";
import { CONTENT_CASES } from "./testing/content-cases.ts";
import { INTERIM_CASES } from "./testing/interim-cases.ts";
import { get, text, until } from "./testing/listener-case.ts";
import { MESSAGE_CASES } from "./testing/message-cases.ts";
import { REFUSAL_CASES } from "./testing/refusal-cases.ts";
import { STREAM_CASES } from "./testing/stream-cases.ts";

function serve(handle: Handle, { port = 0, ...limits }: HttpLimits & { port?: number } = {}) {
  return serveHttp({ hostname: "127.0.0.1", port, handle, log: silentLog, limits: { graceMs: 200, ...limits } });
}

for (const { name, run } of [...MESSAGE_CASES, ...STREAM_CASES, ...REFUSAL_CASES, ...CONTENT_CASES, ...INTERIM_CASES]) {
  test(`serveHttp() ${name}`, () => run(serve));
}

test("serveHttp() never times out a slow handler, a slow source or a slow upload that goes on", async () => {
  await using server = await serve(
    async (request) => {
      let bytes = 0;
      for await (const chunk of request.body) bytes += chunk.length;
      async function* body() {
        for (let i = 0; i < 4; i++) {
          await new Promise((resolve) => setTimeout(resolve, 300));
          yield Buffer.from(`<${bytes}>`);
        }
      }
      return { status: 200, headers: ["Content-Length", "12"], body: body() };
    },
    { headersMs: 200, keepAliveMs: 200, stallMs: 200 },
  );
  using client = await RawClient.open(server.port);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
  for (const byte of "abcd") {
    await new Promise((resolve) => setTimeout(resolve, 150));
    client.send(byte);
  }
  expect(await client.until(/(<4>){4}$/)).toStartWith("HTTP/1.1 200");
});

test("serveHttp() hands over the request body, and survives one that is not read", async () => {
  await using server = await serve(async (request) => {
    if (request.target !== "/read") return text("unread");
    let bytes = 0;
    for await (const chunk of request.body) bytes += chunk.length;
    return text(`got ${bytes}`);
  });
  using client = await RawClient.open(server.port);
  const post = (target: string, body: string) =>
    `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  client.send(post("/read", "abc"));
  await client.until(/got 3/);
  client.send(post("/skip", "x".repeat(300_000)));
  await client.until(/unread/);
  client.send(post("/read", "y".repeat(300_000)));
  await client.until(/got 300000/);
});

test("serveHttp() closes connections beyond an address's number, and counts them off again", async () => {
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

test("serveHttp() closes connections beyond its number in all", async () => {
  await using server = await serve(() => text("x"), { maxConnections: 1 });
  using first = await RawClient.open(server.port);
  await until("it is counted", () => server.connections() === 1);
  using second = await RawClient.open(server.port);
  await second.until("closed");
  expect(await first.send(get("/")).until(/x$/)).toStartWith("HTTP/1.1 200 ");
});

test("serveHttp() answers an address that asks too often 429 with Retry-After, and serves it again later", async () => {
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

test("serveHttp() finishes what a client that sends no more still has to get, then closes", async () => {
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

test("serveHttp() delivers a refusal to a client that is still sending", async () => {
  const options = { hostname: "127.0.0.1", port: 0, handle: () => text("x"), log: silentLog };
  await using server = await serveHttp({ ...options, refusesContent: true });
  using client = await RawClient.open(server.port);
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n`);
  for (let i = 0; i < 20; i++) client.send("x".repeat(1_000_000));
  expect(await client.until("closed")).toStartWith("HTTP/1.1 413 ");
});

test("serveHttp() holds next to nothing for 200 stalled downloads of 100 MiB", async () => {
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
