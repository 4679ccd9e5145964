import { expect, test } from "bun:test";
import type { Answer, Handle, HttpRequest } from "../http/answer.ts";
import { serveHttp } from "../http/server.ts";
import { text, until } from "../http/testing/listener-case.ts";
import { silentLog } from "../log.ts";
import type { HttpLimits } from "./connection.ts";
import { selfSigned } from "./testing/self-signed.ts";

const pair = selfSigned("a.test");

function serve(handle: Handle<HttpRequest>, limits: HttpLimits = {}) {
  const all = { graceMs: 200, ...limits };
  return serveHttp({ hostname: "127.0.0.1", port: 0, handle, log: silentLog, tls: pair, http3: true, limits: all });
}

/** Bun's own client; it cannot check a certificate of ours over HTTP/3. */
function fetch3(port: number, target: string, init: RequestInit = {}): Promise<Response> {
  const options = { protocol: "http3", tls: { rejectUnauthorized: false }, ...init } as RequestInit;
  return fetch(`https://127.0.0.1:${port}${target}`, options);
}

test("serveHttp() serves HTTP/3 on the UDP port of the same number, and says so on the others", async () => {
  let seen: unknown;
  await using server = await serve((request) => {
    seen = [request.method, request.target, request.host, request.httpVersion, request.headers["x-a"]];
    return text(`hello ${request.remoteAddress}`, ["X-B", "1", "X-B", "2", "Connection", "close", "ETag", '"x"']);
  });
  const answer = await fetch3(server.port, "/v1/a%2Fb?q=1", { headers: { "X-A": "1" } });
  expect([answer.status, await answer.text()]).toEqual([200, "hello 127.0.0.1"]);
  expect(seen).toEqual(["GET", "/v1/a%2Fb?q=1", `127.0.0.1:${server.port}`, "3.0", "1"]);
  expect(answer.headers.get("content-length")).toBe("15");
  expect(answer.headers.get("x-b")).toBe("1, 2");
  expect(answer.headers.get("connection")).toBeNull();
  const over1 = await fetch(`https://127.0.0.1:${server.port}/`, { tls: { ca: pair.cert } });
  expect(over1.headers.get("alt-svc")).toBe(`h3=":${server.port}"; ma=86400`);
});

test("serveHttp() without HTTP/3 does not offer it", async () => {
  await using server = await serveHttp({
    hostname: "127.0.0.1",
    port: 0,
    handle: () => text("x"),
    log: silentLog,
    tls: pair,
  });
  const answer = await fetch(`https://127.0.0.1:${server.port}/`, { tls: { ca: pair.cert } });
  expect(answer.headers.get("alt-svc")).toBeNull();
});

test("serveHttp() answers HEAD, 304, refused content and errors over HTTP/3", async () => {
  const sent: [string, number, boolean][] = [];
  await using server = await serve((request): Answer => {
    const count = (bytes: number, complete: boolean) => sent.push([request.target, bytes, complete]);
    if (request.target === "/304") return { status: 304, headers: ["ETag", '"x"'], body: null, sent: count };
    if (request.target === "/bad") return { status: 200, headers: ["X", "a\nb"], body: null, sent: count };
    if (request.target === "/long") return { ...text("abc", ["Content-Length", "4"]), sent: count };
    return { status: 200, headers: ["Content-Length", "12345"], body: null, sent: count };
  });
  const head = await fetch3(server.port, "/", { method: "HEAD" });
  expect([head.status, head.headers.get("content-length")]).toEqual([200, "12345"]);
  expect((await fetch3(server.port, "/304")).status).toBe(304);
  expect((await fetch3(server.port, "/", { method: "POST", body: "abc" })).status).toBe(413);
  expect((await fetch3(server.port, "/bad")).status).toBe(500);
  expect((await fetch3(server.port, "/long")).status).toBe(500);
  expect(sent).toEqual([
    ["/", 0, true],
    ["/304", 0, true],
    ["/bad", 0, false],
    ["/long", 0, false],
  ]);
  expect(server.openTransfers()).toBe(0);
});

test("serveHttp() streams over HTTP/3 as fast as the client takes it, and may be given one block again and again", async () => {
  const block = new Uint8Array(300_000);
  const sent: [number, boolean][] = [];
  async function* body() {
    for (let i = 0; i < 20; i++) yield block.fill(i);
  }
  await using server = await serve((request): Answer => {
    const whole = request.target === "/bytes" ? new Uint8Array(6_000_000).fill(7) : body();
    return { status: 200, headers: ["Content-Length", "6000000"], body: whole, sent: (...args) => sent.push(args) };
  });
  const bytes = await (await fetch3(server.port, "/stream")).bytes();
  expect(bytes.length).toBe(6_000_000);
  for (let i = 0; i < 20; i++)
    expect(bytes.subarray(i * 300_000, (i + 1) * 300_000).every((byte) => byte === i)).toBe(true);
  expect((await (await fetch3(server.port, "/bytes")).bytes()).every((byte) => byte === 7)).toBe(true);
  expect(sent).toEqual([
    [6_000_000, true],
    [6_000_000, true],
  ]);
  expect(server.openTransfers()).toBe(0);
});

test("serveHttp() counts for a client that leaves an HTTP/3 download no more than it pulled, and returns the source", async () => {
  let pulledBytes = 0;
  let isReturned = false;
  const sent: [number, boolean][] = [];
  async function* body() {
    try {
      for (let i = 0; i < 200; i++) {
        pulledBytes += 1 << 20;
        yield new Uint8Array(1 << 20);
      }
    } finally {
      isReturned = true;
    }
  }
  await using server = await serve(() => ({
    status: 200,
    headers: [],
    body: body(),
    sent: (...args) => sent.push(args),
  }));
  const leaving = new AbortController();
  const answer = await fetch3(server.port, "/", { signal: leaving.signal });
  const reader = answer.body?.getReader();
  await reader?.read();
  expect(server.openTransfers()).toBe(1);
  leaving.abort();
  await until("the source is returned", () => isReturned);
  expect(sent).toEqual([[expect.any(Number), false]]);
  expect(sent[0]?.[0]).toBeLessThanOrEqual(pulledBytes);
  expect(pulledBytes).toBeLessThan(100 << 20);
  expect(server.openTransfers()).toBe(0);
});

test("serveHttp() never ends an HTTP/3 body that fails or is short", async () => {
  const sent: [string, number, boolean][] = [];
  async function* body(fails: boolean) {
    yield Buffer.from("abc");
    if (fails) throw new Error("gone");
  }
  await using server = await serve((request) => ({
    status: 200,
    headers: ["Content-Length", "10"],
    body: body(request.target === "/fails"),
    sent: (bytes, complete) => sent.push([request.target, bytes, complete]),
  }));
  for (const target of ["/fails", "/short"]) {
    const answer = await fetch3(server.port, target);
    let end = "open";
    const whole = answer.bytes().then(
      () => {
        end = "ended as if whole";
      },
      () => {
        end = "broken";
      },
    );
    await until("sent is called", () => sent.some(([name]) => name === target));
    await Promise.race([whole, new Promise((resolve) => setTimeout(resolve, 300))]);
    expect([target, end]).not.toEqual([target, "ended as if whole"]);
  }
  expect(sent).toEqual([
    ["/fails", 3, false],
    ["/short", 3, false],
  ]);
});

test("reloadTls() lets an open HTTP/3 transfer finish, then goes on with the other certificate", async () => {
  const gate = Promise.withResolvers<void>();
  async function* body() {
    yield Buffer.from("before ");
    await gate.promise;
    yield Buffer.from("after");
  }
  await using server = await serve((request) =>
    request.target === "/slow" ? { status: 200, headers: [], body: body() } : text("x"),
  );
  const open = await fetch3(server.port, "/slow");
  server.reloadTls(selfSigned("b.test"));
  gate.resolve();
  expect(await open.text()).toBe("before after");
  await until("nothing is open", () => server.openTransfers() === 0);
  // The next inspection changes the listener; whoever comes in that moment has to come again.
  const endMs = performance.now() + 5000;
  for (let answers = 0; answers < 3; ) {
    if (performance.now() > endMs) throw new Error("HTTP/3 does not answer after its certificate was changed");
    await new Promise((resolve) => setTimeout(resolve, 150));
    const answer = await fetch3(server.port, "/").catch(() => undefined);
    if ((await answer?.text()) === "x") answers++;
  }
});

test("serveHttp() names the UDP port when another program uses it", async () => {
  await using first = await serve(() => text("x"));
  const udp = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
  const started = serveHttp({
    hostname: "127.0.0.1",
    port: udp.port,
    handle: () => text("y"),
    log: silentLog,
    tls: pair,
    http3: true,
  });
  const error = await started.catch((thrown: unknown) => thrown);
  udp.close();
  expect(error).toMatchObject({ code: "port-in-use", fault: "operator", message: expect.stringContaining("UDP") });
  expect((await fetch3(first.port, "/")).status).toBe(200);
});
