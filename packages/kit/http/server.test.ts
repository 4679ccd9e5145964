import { expect, test } from "bun:test";
import { NesonError } from "../error.ts";
import { silentLog } from "../log.ts";
import type { Answer, Handle } from "./answer.ts";
import { RawClient } from "./raw-client.ts";
import { type HttpLimits, serveHttp } from "./server.ts";

function serve(handle: Handle, limits: HttpLimits = {}) {
  return serveHttp({ hostname: "127.0.0.1", port: 0, handle, log: silentLog, limits: { graceMs: 200, ...limits } });
}

const text = (body: string, headers: string[] = []): Answer => ({ status: 200, headers, body: Buffer.from(body) });
const get = (target: string, extra = "") => `GET ${target} HTTP/1.1\r\nHost: Example.COM:81\r\n${extra}\r\n`;

/** Waits for a condition with a deadline. */
async function until(what: string, holds: () => boolean, deadlineMs = 5000): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`waited ${deadlineMs} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A request, its whole exchange on a connection of its own. */
async function exchange(port: number, request: string): Promise<string> {
  using client = await RawClient.open(port);
  return await client.send(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).until("closed");
}

test("serveHttp() gives the handler the raw target, the lower-cased host and every raw header", async () => {
  let seen: unknown;
  await using server = await serve((request) => {
    seen = [request.method, request.target, request.host, request.rawHeaders, request.httpVersion];
    return text(request.remoteAddress);
  });
  const answer = await exchange(server.port, get("/../a/%22/./b?q=%2f#x".replace("#x", ""), "X-A: 1\r\nX-A: 2\r\n"));
  expect(seen).toEqual([
    "GET",
    "/../a/%22/./b?q=%2f",
    "example.com:81",
    ["Host", "Example.COM:81", "X-A", "1", "X-A", "2", "Connection", "close"],
    "1.1",
  ]);
  expect(answer).toEndWith("\r\n\r\n127.0.0.1");
});

test("serveHttp() writes headers verbatim: order, case, duplicates, high bytes and a given Date", async () => {
  const headers = ["X-b", "1", "Set-Cookie", "a=1", "set-cookie", "b=2", "X-High", "caf\xe9"];
  headers.push("Date", "Thu, 01 Jan 1970 00:00:00 GMT");
  await using server = await serve(() => text("ok", headers));
  const answer = await exchange(server.port, get("/"));
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\nX-b: 1\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-High: caf\xe9\r\n/i);
  expect(answer.match(/date: /gi)).toHaveLength(1);
  expect(answer).toContain("Content-Length: 2\r\n");
  expect(answer).not.toMatch(/content-type/i);
});

test("serveHttp() answers HEAD with the given Content-Length and no body", async () => {
  const sent: [number, boolean][] = [];
  await using server = await serve((request) => ({
    status: 200,
    headers: ["Content-Length", "12345", "ETag", '"x"'],
    body: request.target === "/null" ? null : new Uint8Array(12345),
    sent: (...args) => sent.push(args),
  }));
  for (const target of ["/null", "/bytes"]) {
    const answer = await exchange(server.port, get(target).replace("GET", "HEAD"));
    expect(answer).toContain("Content-Length: 12345\r\n");
    expect(answer).toEndWith("\r\n\r\n");
  }
  expect(sent).toEqual([
    [0, true],
    [0, true],
  ]);
});

test("serveHttp() gives an answer without body a Content-Length of 0, and 204 and 304 none", async () => {
  await using server = await serve((request) => ({ status: Number(request.target.slice(1)), headers: [], body: null }));
  expect(await exchange(server.port, get("/307"))).toContain("Content-Length: 0\r\n");
  expect(await exchange(server.port, get("/200"))).toContain("Content-Length: 0\r\n");
  expect(await exchange(server.port, get("/204"))).not.toMatch(/content-length|transfer-encoding/i);
  expect(await exchange(server.port, get("/304"))).not.toMatch(/content-length|transfer-encoding/i);
});

test("serveHttp() answers pipelined requests in order on one connection", async () => {
  await using server = await serve(async (request) => {
    if (request.target === "/slow") await new Promise((resolve) => setTimeout(resolve, 30));
    return text(request.target);
  });
  using client = await RawClient.open(server.port);
  client.send(get("/slow") + get("/b") + get("/c"));
  const answer = await client.until(/\/c$/);
  expect(answer.match(/\r\n\r\n\/[a-z]+/g)).toEqual(["\r\n\r\n/slow", "\r\n\r\n/b", "\r\n\r\n/c"]);
});

test("serveHttp() streams with the exact Content-Length, and calls sent once with every byte", async () => {
  const sent: [number, boolean][] = [];
  async function* body() {
    for (let i = 0; i < 40; i++) yield new Uint8Array(100_000).fill(65 + (i % 26));
  }
  await using server = await serve(() => ({
    status: 200,
    headers: ["Content-Length", "4000000"],
    body: body(),
    sent: (...args) => sent.push(args),
  }));
  const answer = await exchange(server.port, get("/"));
  expect(answer).not.toMatch(/transfer-encoding/i);
  expect(answer.length - answer.indexOf("\r\n\r\n") - 4).toBe(4_000_000);
  await until("sent is called", () => sent.length > 0);
  expect(sent).toEqual([[4_000_000, true]]);
  expect(server.openTransfers()).toBe(0);
});

test("serveHttp() streams a body of unknown length chunked, to HTTP/1.0 until close", async () => {
  async function* body() {
    yield Buffer.from("abc");
    yield new Uint8Array(0);
    yield Buffer.from("def");
  }
  await using server = await serve(() => ({ status: 200, headers: [], body: body() }));
  expect(await exchange(server.port, get("/"))).toEndWith("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  expect(await exchange(server.port, "GET / HTTP/1.0\r\n\r\n")).toEndWith("\r\n\r\nabcdef");
});

test("serveHttp() pulls a stream no faster than the client takes it", async () => {
  let pulled = 0;
  async function* body() {
    for (; pulled < 200; pulled++) yield new Uint8Array(1 << 20);
  }
  await using server = await serve(() => ({
    status: 200,
    headers: ["Content-Length", String(200 << 20)],
    body: body(),
  }));
  using client = await RawClient.open(server.port);
  client.socket.pause();
  client.send(get("/"));
  await until("the stream was started", () => pulled > 0);
  let before = -1;
  await until("pulling stops", () => {
    const still = pulled === before;
    before = pulled;
    return still && pulled > 1;
  });
  expect(pulled).toBeLessThan(40);
  expect(server.openTransfers()).toBe(1);
});

for (const kind of ["stream", "bytes"] as const) {
  test(`serveHttp() calls sent once with what the kernel took when the client leaves a ${kind} body`, async () => {
    const sent: [number, boolean][] = [];
    let returned = 0;
    let signal: AbortSignal | undefined;
    async function* body() {
      try {
        for (let i = 0; i < 50; i++) yield new Uint8Array(1 << 20);
      } finally {
        returned++;
      }
    }
    await using server = await serve((request) => {
      signal = request.signal;
      return {
        status: 200,
        headers: ["Content-Length", String(50 << 20)],
        body: kind === "stream" ? body() : new Uint8Array(50 << 20),
        sent: (...args) => sent.push(args),
      };
    });
    using client = await RawClient.open(server.port);
    client.socket.once("data", () => client.socket.pause());
    client.send(get("/"));
    await until("bytes arrive", () => client.received.length > 0);
    expect(sent).toEqual([]);
    client.socket.resetAndDestroy();
    await until("sent is called", () => sent.length > 0);
    await until("the iterator is returned", () => returned === (kind === "stream" ? 1 : 0));
    expect(sent).toHaveLength(1);
    const [bytes, complete] = sent[0] ?? [0, true];
    expect(complete).toBe(false);
    expect(bytes).toBeGreaterThan(60_000);
    expect(bytes).toBeLessThan(20 << 20);
    await until("the signal aborts", () => signal?.aborted === true);
    expect(server.openTransfers()).toBe(0);
  });
}

test("serveHttp() returns an iterator that waits for its source when the client leaves", async () => {
  let returned = false;
  const waiting = Promise.withResolvers<IteratorResult<Uint8Array>>();
  const body: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => waiting.promise,
      return: async () => {
        returned = true;
        waiting.resolve({ done: true, value: undefined });
        return { done: true, value: undefined };
      },
    }),
  };
  const sent: [number, boolean][] = [];
  await using server = await serve(() => ({ status: 200, headers: [], body, sent: (...args) => sent.push(args) }));
  using client = await RawClient.open(server.port);
  client.send(get("/"));
  await until("the request is open", () => server.openTransfers() === 1);
  client.socket.destroy();
  await until("the iterator is returned", () => returned);
  expect(sent).toEqual([[0, false]]);
});

test("serveHttp() counts nothing for a client that left before its answer", async () => {
  const gate = Promise.withResolvers<void>();
  const sent: [number, boolean][] = [];
  let signal: AbortSignal | undefined;
  await using server = await serve(async (request) => {
    signal = request.signal;
    await gate.promise;
    return { ...text("late"), sent: (...args) => sent.push(args) };
  });
  using client = await RawClient.open(server.port);
  client.send(get("/"));
  await until("the handler runs", () => signal !== undefined);
  client.socket.destroy();
  await until("the signal aborts", () => signal?.aborted === true);
  gate.resolve();
  await until("sent is called", () => sent.length > 0);
  expect(sent).toEqual([[0, false]]);
});

for (const [what, length, fails] of [
  ["throws midway", 10, true],
  ["ends short of its Content-Length", 10, false],
  ["exceeds its Content-Length", 2, false],
] as const) {
  test(`serveHttp() cuts the connection when a stream ${what}`, async () => {
    const sent: [number, boolean][] = [];
    async function* body() {
      yield Buffer.from("abc");
      if (fails) throw new NesonError("origin-reset", "origin went away", { fault: "peer" });
    }
    await using server = await serve(() => ({
      status: 200,
      headers: ["Content-Length", String(length)],
      body: body(),
      sent: (...args) => sent.push(args),
    }));
    using client = await RawClient.open(server.port);
    const answer = await client.send(get("/")).until("closed");
    expect(answer.split("\r\n\r\n")[1] ?? "").toBe(length === 10 ? "abc" : "");
    expect(sent).toHaveLength(1);
    expect(sent[0]?.[1]).toBe(false);
  });
}

test("serveHttp() never ends a broken chunked body with its last chunk", async () => {
  async function* body() {
    yield Buffer.from("abc");
    throw new Error("gone");
  }
  await using server = await serve(() => ({ status: 200, headers: [], body: body() }));
  using client = await RawClient.open(server.port);
  expect(await client.send(get("/")).until("closed")).not.toContain("\r\n0\r\n");
});

test("serveHttp() cuts off a client that takes no byte for the stall limit", async () => {
  const sent: [number, boolean][] = [];
  await using server = await serve(
    () => ({ status: 200, headers: [], body: new Uint8Array(50 << 20), sent: (...args) => sent.push(args) }),
    { stallMs: 300 },
  );
  using client = await RawClient.open(server.port);
  client.socket.pause();
  client.send(get("/"));
  await until("the transfer is cut", () => sent.length > 0);
  expect(sent[0]?.[1]).toBe(false);
});

test("serveHttp() refuses what RFC 9112 section 3.2 forbids with 400", async () => {
  let handled = 0;
  await using server = await serve(() => {
    handled++;
    return text("reached");
  });
  const bad = [
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://user:secret@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GARBAGE\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
  ];
  for (const request of bad) {
    using client = await RawClient.open(server.port);
    expect([request, (await client.send(request).until("closed")).slice(0, 12)]).toEqual([request, "HTTP/1.1 400"]);
  }
  expect(handled).toBe(0);
});

test("serveHttp() turns an absolute-form target into origin-form, its authority replacing Host", async () => {
  await using server = await serve((request) => text(`${request.host} ${request.target}`));
  const form = (target: string) => exchange(server.port, `GET ${target} HTTP/1.1\r\nHost: other\r\n\r\n`);
  expect(await form("http://B.Example:8080/p/../q?r=%22")).toEndWith("\r\n\r\nb.example:8080 /p/../q?r=%22");
  expect(await form("HTTPS://b.example")).toEndWith("\r\n\r\nb.example /");
  expect(await form("http://b.example?x")).toEndWith("\r\n\r\nb.example /?x");
  expect(await form("http://[::1]:8080/x")).toEndWith("\r\n\r\n[::1]:8080 /x");
});

test("serveHttp() serves HTTP/1.0 without Host, with host empty", async () => {
  await using server = await serve((request) => text(`<${request.host}>`));
  expect(await exchange(server.port, "GET / HTTP/1.0\r\n\r\n")).toEndWith("\r\n\r\n<>");
});

test("serveHttp() answers an oversized header section 431 and CONNECT 501", async () => {
  await using server = await serve(() => text("reached"), { maxHeaderBytes: 4096 });
  const big = await RawClient.open(server.port);
  expect(await big.send(get("/", `X-Big: ${"b".repeat(5000)}\r\n`)).until("closed")).toStartWith("HTTP/1.1 431 ");
  const connect = await RawClient.open(server.port);
  const answer = await connect.send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n").until("closed");
  expect(answer).toStartWith("HTTP/1.1 501 ");
});

test("serveHttp() ends a connection that does not finish its header section in time", async () => {
  await using server = await serve(() => text("reached"), { headersMs: 300 });
  using slow = await RawClient.open(server.port);
  expect(await slow.send("GET / HTTP/1.1\r\nHo").until("closed")).toStartWith("HTTP/1.1 408 ");
});

test("serveHttp() ends a connection that sends nothing, and one that stays idle", async () => {
  await using server = await serve(() => text("x"), { headersMs: 300, keepAliveMs: 300 });
  using silent = await RawClient.open(server.port);
  using idle = await RawClient.open(server.port);
  idle.send(get("/"));
  await Promise.all([silent.until("closed"), idle.until("closed")]);
  expect(idle.received).toEndWith("x");
});

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

test("serveHttp() treats an Upgrade request as an ordinary one", async () => {
  await using server = await serve(() => text("plain"));
  using client = await RawClient.open(server.port);
  client.send(get("/", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
  expect(await client.until(/plain/)).toStartWith("HTTP/1.1 200 ");
});

test("serveHttp() answers a thrown error by its fault, telling only callers why", async () => {
  await using server = await serve((request) => {
    if (request.target === "/caller") throw new NesonError("bad-name", "name is too long", { fault: "caller" });
    if (request.target === "/peer") throw new NesonError("origin-down", "10.0.0.7 refused", { fault: "peer" });
    return Promise.reject(new Error("secret path /etc"));
  });
  expect(await exchange(server.port, get("/caller"))).toMatch(/^HTTP\/1\.1 400 [\s\S]*\r\n\r\nname is too long\n$/);
  expect(await exchange(server.port, get("/peer"))).toMatch(
    /^HTTP\/1\.1 502 [\s\S]*\r\n\r\nnot served: origin-down\n$/,
  );
  expect(await exchange(server.port, get("/bug"))).toMatch(
    /^HTTP\/1\.1 500 [\s\S]*\r\n\r\nnot served: internal error\n$/,
  );
});

test("serveHttp() answers 500 when a header cannot be written", async () => {
  await using server = await serve(() => text("x", ["X-Bad", "a\nb"]));
  expect(await exchange(server.port, get("/"))).toStartWith("HTTP/1.1 500 ");
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

test("serveHttp() names the port when another program listens there", async () => {
  await using server = await serve(() => text("x"));
  const second = serveHttp({ hostname: "127.0.0.1", port: server.port, handle: () => text("y"), log: silentLog });
  const error = await second.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(NesonError);
  expect(error).toMatchObject({ code: "port-in-use", fault: "operator" });
  expect(String(error)).toContain(`127.0.0.1:${server.port}`);
});

test("stop() refuses new connections and lets an open transfer finish", async () => {
  const gate = Promise.withResolvers<void>();
  async function* body() {
    yield Buffer.from("abc");
    await gate.promise;
    yield Buffer.from("def");
  }
  const server = await serve(() => ({ status: 200, headers: ["Content-Length", "6"], body: body() }), {
    graceMs: 5000,
  });
  using client = await RawClient.open(server.port);
  client.send(get("/"));
  await client.until(/abc$/);
  const stopping = server.stop();
  expect(
    await RawClient.open(server.port).then(
      () => "accepted",
      () => "refused",
    ),
  ).toBe("refused");
  gate.resolve();
  expect(await client.until("closed")).toEndWith("abcdef");
  await stopping;
  await server.stop();
});

test("stop() cuts what is still open after the grace period", async () => {
  const sent: [number, boolean][] = [];
  const server = await serve(
    () => ({ status: 200, headers: [], body: new Uint8Array(50 << 20), sent: (...args) => sent.push(args) }),
    { graceMs: 50 },
  );
  using client = await RawClient.open(server.port);
  client.socket.pause();
  client.send(get("/"));
  await until("the transfer is open", () => server.openTransfers() === 1);
  await server.stop();
  await until("sent is called", () => sent.length > 0);
  expect(sent[0]?.[1]).toBe(false);
});
