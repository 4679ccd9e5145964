import { expect, test } from "bun:test";
import { connect as connectTcp } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { silentLog } from "../log.ts";
import type { HttpLimits } from "../wire/connection.ts";
import { fingerprintOf, selfSigned } from "../wire/testing/self-signed.ts";
import type { Answer, Handle, HttpRequest } from "./answer.ts";
import { RawClient } from "./raw-client.ts";
import { serveHttp } from "./server.ts";
import { text, until } from "./testing/listener-case.ts";

const pair = selfSigned("a.test");

function serve(handle: Handle<HttpRequest>, limits: HttpLimits = {}) {
  const all = { graceMs: 200, ...limits };
  return serveHttp({ hostname: "127.0.0.1", port: 0, handle, log: silentLog, tls: pair, limits: all });
}

/** A TLS client that has shaken hands, and what it has received. */
class TlsClient implements Disposable {
  readonly socket: TLSSocket;
  received = 0;
  tail = "";
  closed = false;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on("data", (bytes) => {
      this.received += bytes.length;
      this.tail = (this.tail + bytes.toString("latin1")).slice(-4096);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
    });
  }

  static open(port: number): Promise<TlsClient> {
    return new Promise((resolve, reject) => {
      const options = {
        port,
        host: "127.0.0.1",
        ca: pair.cert,
        rejectUnauthorized: false,
        ALPNProtocols: ["http/1.1"],
      };
      const socket = connect(options, () => resolve(new TlsClient(socket)));
      socket.once("error", reject);
    });
  }

  get fingerprint(): string {
    return this.socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

const get = (target: string, extra = "") => `GET ${target} HTTP/1.1\r\nHost: a.test\r\n${extra}\r\n`;

test("serveHttp() serves HTTPS with the certificate it was given, to clients with and without ALPN", async () => {
  await using server = await serve((request) => text(`hello ${request.remoteAddress}`));
  const url = `https://127.0.0.1:${server.port}/`;
  const answer = await fetch(url, { tls: { ca: pair.cert } });
  expect(await answer.text()).toBe("hello 127.0.0.1");
  using client = await TlsClient.open(server.port);
  expect(client.socket.alpnProtocol).toBe("http/1.1");
  expect(client.fingerprint).toBe(fingerprintOf(pair.cert));
  await using plain = await serve(() => text("x"));
  const socket = connect({ port: plain.port, host: "127.0.0.1", rejectUnauthorized: false });
  let received = "";
  socket.on("data", (bytes) => {
    received += bytes.toString("latin1");
  });
  socket.write(get("/"));
  await until("the answer is there", () => received.endsWith("\r\n\r\nx"));
  socket.destroy();
});

test("serveHttp() sends large bodies and streams whole over TLS", async () => {
  const body = Buffer.alloc(20 << 20);
  for (let i = 0; i < body.length; i += 4) body.writeUInt32LE((i * 2654435761) >>> 0, i);
  async function* blocks() {
    for (let at = 0; at < body.length; at += 300_000) yield body.subarray(at, at + 300_000);
  }
  const sent: [number, boolean][] = [];
  await using server = await serve(
    (request): Answer => ({
      status: 200,
      headers: [],
      body: request.target === "/stream" ? blocks() : body,
      sent: (...args) => sent.push(args),
    }),
  );
  for (const target of ["/bytes", "/stream"]) {
    const answer = await fetch(`https://127.0.0.1:${server.port}${target}`, { tls: { ca: pair.cert } });
    expect(Bun.hash(await answer.arrayBuffer())).toBe(Bun.hash(body));
  }
  expect(sent).toEqual([
    [body.length, true],
    [body.length, true],
  ]);
});

test("serveHttp() counts over TLS no more than a stalled client could have been sent", async () => {
  const sent: [number, boolean][] = [];
  await using server = await serve(() => ({
    status: 200,
    headers: [],
    body: new Uint8Array(50 << 20),
    sent: (...args) => sent.push(args),
  }));
  using client = await TlsClient.open(server.port);
  client.socket.once("data", () => client.socket.pause());
  client.socket.write(get("/"));
  await until("bytes arrive", () => client.received > 0);
  client.socket.destroy();
  await until("sent is called", () => sent.length > 0);
  expect(sent).toEqual([[expect.any(Number), false]]);
  expect(sent[0]?.[0]).toBeLessThan(20 << 20);
});

test("reloadTls() shows new connections another certificate, keeps open transfers, and refuses nobody meanwhile", async () => {
  const gate = Promise.withResolvers<void>();
  async function* body() {
    yield Buffer.from("before ");
    await gate.promise;
    yield Buffer.from("after");
  }
  await using server = await serve((request) =>
    request.target === "/slow" ? { status: 200, headers: ["Content-Length", "12"], body: body() } : text("x"),
  );
  using old = await TlsClient.open(server.port);
  old.socket.write(get("/slow"));
  await until("the transfer is open", () => old.tail.endsWith("before "));
  const others = Array.from({ length: 20 }, () => TlsClient.open(server.port));
  const next = selfSigned("b.test");
  server.reloadTls(next);
  others.push(...Array.from({ length: 20 }, () => TlsClient.open(server.port)));
  for (const client of await Promise.all(others)) client.socket.destroy();
  using fresh = await TlsClient.open(server.port);
  expect(fresh.fingerprint).toBe(fingerprintOf(next.cert));
  expect(old.fingerprint).toBe(fingerprintOf(pair.cert));
  gate.resolve();
  await until("the transfer is whole", () => old.tail.endsWith("before after"));
  old.socket.write(get("/"));
  await until("the old connection still serves", () => old.tail.endsWith("\r\n\r\nx"));
});

test("reloadTls() refuses a wrong pair and keeps the one in use", async () => {
  await using server = await serve(() => text("x"));
  const wrong = { cert: selfSigned("b.test").cert, key: pair.key };
  expect(() => server.reloadTls(wrong)).toThrow(expect.objectContaining({ code: "bad-tls" }));
  using client = await TlsClient.open(server.port);
  expect(client.fingerprint).toBe(fingerprintOf(pair.cert));
  await using plain = await serveHttp({ hostname: "127.0.0.1", port: 0, handle: () => text("x"), log: silentLog });
  expect(() => plain.reloadTls(pair)).toThrow(expect.objectContaining({ code: "bad-tls" }));
});

test("serveHttp() refuses to listen with a wrong pair", async () => {
  const tls = { cert: pair.cert, key: selfSigned("b.test").key };
  const started = serveHttp({ hostname: "127.0.0.1", port: 0, handle: () => text("x"), log: silentLog, tls });
  expect(await started.catch((error: unknown) => error)).toMatchObject({ code: "bad-tls", fault: "operator" });
});

test("serveHttp() ends handshakes that go wrong or do not go on", async () => {
  await using server = await serve(() => text("reached"), { headersMs: 300 });
  using plain = await RawClient.open(server.port);
  expect(await plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").until("closed")).not.toContain("reached");
  using silent = await RawClient.open(server.port);
  await silent.until("closed");
  const alien = connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["alien"] });
  const refused = await new Promise<string>((resolve) => {
    alien.once("error", () => resolve("refused"));
    alien.once("secureConnect", () => resolve("accepted"));
  });
  expect(refused).toBe("refused");
  const left = connectTcp(server.port, "127.0.0.1");
  await until("it is counted", () => server.connections() === 1);
  left.resetAndDestroy();
  await until("every connection is gone", () => server.connections() === 0);
});

test("stop() gives a TLS client its open answer whole, with a clean end", async () => {
  const gate = Promise.withResolvers<Answer>();
  const server = await serve(() => gate.promise, { graceMs: 5000 });
  using client = await TlsClient.open(server.port);
  client.socket.write(get("/"));
  await until("the request is open", () => server.openTransfers() === 1);
  const stopped = server.stop();
  gate.resolve(text("x".repeat(300_000)));
  await stopped;
  await until("the connection ends", () => client.closed);
  expect(client.received).toBeGreaterThan(300_000);
});
