import { expect, test } from "bun:test";
import fc from "fast-check";
import { FakeClock } from "../fake-clock.ts";
import type { Answer, EdgeRequest, Headers } from "../http/answer.ts";
import { until } from "../http/testing/listener-case.ts";
import { silentLog } from "../log.ts";
import type { ConnectionContext, HttpLimits } from "./connection.ts";
import { Http1Connection } from "./http1-connection.ts";
import { FakeSink } from "./testing/fake-sink.ts";

const LIMITS: Required<HttpLimits> = {
  maxHeaderBytes: 4096,
  headersMs: 1000,
  keepAliveMs: 3000,
  contentMs: 4000,
  tunnelMs: 20_000,
  stallMs: 5000,
  graceMs: 0,
  maxConnectionsPerAddress: 1,
  maxRequestsPerSecond: 1,
  maxConnections: 1,
  maxStreams: 1,
};
const DATE = "Thu, 01 Jan 1970 00:00:00 GMT";
const get = (target: string, extra = "") => `GET ${target} HTTP/1.1\r\nHost: a\r\n${extra}\r\n`;
const text = (body: string, headers: Headers = []): Answer => ({ status: 200, headers, body: Buffer.from(body) });

function start(handle: (request: EdgeRequest) => Answer | Promise<Answer>, takesContent = false) {
  const sink = new FakeSink();
  const clock = new FakeClock(0);
  const context: ConnectionContext = { handle, takesContent, limits: LIMITS, clock, log: silentLog, date: () => DATE };
  const connection = new Http1Connection(sink, context);
  return {
    sink,
    connection,
    send: (data: string) => connection.receive(Buffer.from(data, "latin1")),
    /** Takes more bytes, as a socket that has room again. */
    giveRoom(bytes: number) {
      sink.roomBytes = bytes;
      connection.writable();
    },
  };
}

function dechunk(raw: string): string {
  let content = "";
  for (let at = 0; ; ) {
    const size = Number.parseInt(raw.slice(at, at + 8), 16);
    if (size === 0) return content;
    const start = raw.indexOf("\r\n", at) + 2;
    content += raw.slice(start, start + size);
    at = start + size + 2;
  }
}

/** Status codes of the answers in what was sent. */
const statuses = (taken: string) => [...taken.matchAll(/HTTP\/1\.1 (\d+) /g)].map((match) => Number(match[1]));

test("Http1Connection answers the same however its bytes are cut into reads", () => {
  const requests = [get("/a", "X: 1\r\n"), get("/b"), "\r\n", get("/c"), "GET /d HTTP/1.0\r\n\r\n"].join("");
  const whole = start((request) => text(`<${request.target} ${request.headers.x}>`));
  whole.send(requests);
  expect(whole.sink.taken.match(/<.*?>/g)).toEqual(["</a 1>", "</b undefined>", "</c undefined>", "</d undefined>"]);
  const bytewise = start((request) => text(`<${request.target} ${request.headers.x}>`));
  for (const byte of requests) bytewise.send(byte);
  expect(bytewise.sink.taken).toBe(whole.sink.taken);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 }), (sizes) => {
      const cut = start((request) => text(`<${request.target} ${request.headers.x}>`));
      for (let at = 0, i = 0; at < requests.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        cut.send(requests.slice(at, at + size));
        at += size;
      }
      expect(cut.sink.taken).toBe(whole.sink.taken);
    }),
  );
});

test("Http1Connection copies what it keeps of the bytes it is given", () => {
  const { sink, connection } = start((request) => text(request.target));
  const buffer = Buffer.alloc(64);
  for (const part of ["GET /abc", " HTTP/1.1\r\nHo", "st: a\r\n\r\n"]) {
    const size = buffer.write(part, "latin1");
    connection.receive(buffer.subarray(0, size));
    buffer.fill(88);
  }
  expect(sink.taken).toEndWith("/abc");
});

test("Http1Connection sends head and body of up to 64 KiB in one write, and a larger body without another copy", () => {
  const small = start(() => ({ status: 200, headers: [], body: new Uint8Array(64 * 1024) }));
  small.send(get("/"));
  expect(small.sink.writes).toBe(1);
  const large = start(() => ({ status: 200, headers: [], body: new Uint8Array(1 << 20) }));
  large.send(get("/"));
  expect(large.sink.writes).toBe(2);
  expect(large.sink.taken.length).toBe(large.sink.taken.indexOf("\r\n\r\n") + 4 + (1 << 20));
});

test("Http1Connection loses and repeats no byte, whatever the socket takes at a time", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 200_000 }),
      fc.array(fc.integer({ min: 0, max: 90_000 }), { minLength: 1, maxLength: 8 }),
      (size, rooms) => {
        const body = Buffer.from(Array.from({ length: size }, (_none, i) => (i * 7) & 255));
        const sent: [number, boolean][] = [];
        const { sink, send, giveRoom, connection } = start(() => ({
          status: 200,
          headers: [],
          body,
          sent: (...args) => sent.push(args),
        }));
        sink.roomBytes = 10;
        send(get("/") + get("/"));
        for (let i = 0; connection.open > 0; i++) giveRoom((rooms[i % rooms.length] ?? 0) + 1 + i);
        const answers = sink.taken.split("HTTP/1.1 200 OK\r\n").slice(1);
        expect(
          answers.map((answer) => answer.slice(answer.indexOf("\r\n\r\n") + 4) === body.toString("latin1")),
        ).toEqual([true, true]);
        expect(sent).toEqual([
          [size, true],
          [size, true],
        ]);
      },
    ),
    { numRuns: 50 },
  );
});

test("Http1Connection asks a source for its next block only after the one before was accepted whole, so that it may be used again", async () => {
  const block = new Uint8Array(100_000);
  let asked = 0;
  async function* body() {
    for (const letter of "abcd") {
      asked++;
      block.fill(letter.charCodeAt(0));
      yield block;
    }
  }
  for (const headers of [["Content-Length", "400000"], []]) {
    asked = 0;
    const { sink, send, giveRoom, connection } = start(() => ({ status: 200, headers, body: body() }));
    sink.roomBytes = 1000;
    send(get("/"));
    await until("the first block was asked for", () => sink.roomBytes === 0);
    for (let i = 0; i < 90; i++) {
      giveRoom(1000);
      await Promise.resolve();
    }
    expect(asked).toBe(1);
    while (connection.open > 0) {
      giveRoom(30_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const raw = sink.taken.slice(sink.taken.indexOf("\r\n\r\n") + 4);
    const blocks = headers.length > 0 ? raw : dechunk(raw);
    expect(blocks).toBe([..."abcd"].map((letter) => letter.repeat(100_000)).join(""));
  }
});

test("Http1Connection sends the head of a slow source before its first block", async () => {
  const gate = Promise.withResolvers<void>();
  async function* body() {
    await gate.promise;
    yield Buffer.from("late");
  }
  const { sink, send, connection, giveRoom } = start(() => ({
    status: 200,
    headers: ["Content-Length", "4"],
    body: body(),
  }));
  send(get("/"));
  expect(sink.taken).toBe("");
  sink.roomBytes = 5;
  connection.inspect(0);
  expect(sink.taken).toBe("HTTP/");
  gate.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  giveRoom(1000);
  await until("the answer is whole", () => connection.open === 0);
  expect(sink.taken).toEndWith(`Date: ${DATE}\r\n\r\nlate`);
});

test("Http1Connection ends on 413, 431, 400 and 501, and reads nothing after", () => {
  for (const [bytes, status] of [
    [`${get("/", "Content-Length: 5\r\n")}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`, 413],
    [get("/", `X: ${"x".repeat(4096)}\r\n`), 431],
    ["x".repeat(5000), 431],
    ["GET /\n", 400],
    ["\x16\x03\x01\x02\x00", 400],
    ["CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501],
  ] as const) {
    const { sink, send } = start(() => text("reached"));
    send(bytes);
    send(get("/again"));
    expect([bytes.slice(0, 40), statuses(sink.taken)]).toEqual([bytes.slice(0, 40), [status]]);
    expect(sink.taken).toContain("\r\nConnection: close\r\n");
    expect(sink.taken).not.toContain("reached");
    expect(sink.hasEnded).toBe(true);
  }
});

test("Http1Connection answers what came before a bad request, and nothing after it", () => {
  const { sink, send } = start((request) => text(request.target));
  send(`${get("/a")}${get("/b")}BAD\r\n\r\n${get("/c")}`);
  expect(statuses(sink.taken)).toEqual([200, 200, 400]);
  expect(sink.hasEnded).toBe(true);
});

test("Http1Connection closes after Connection: close and after HTTP/1.0, but not with keep-alive", () => {
  const closing = start(() => text("x"));
  closing.send(get("/", "Connection: close\r\n") + get("/"));
  expect(statuses(closing.sink.taken)).toEqual([200]);
  expect(closing.sink.taken).toContain("\r\nConnection: close\r\n");
  expect(closing.sink.hasEnded).toBe(true);
  const old = start(() => text("x"));
  old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
  expect(old.sink.taken.match(/Connection: \S+/g)).toEqual(["Connection: keep-alive", "Connection: close"]);
  expect(old.sink.hasEnded).toBe(true);
});

test("Http1Connection bounds what waits behind a slow answer", async () => {
  const gate = Promise.withResolvers<void>();
  const { sink, send, connection } = start(async (request) => {
    await gate.promise;
    return text(`<${request.target}>`);
  });
  send(get("/slow"));
  for (let i = 0; i < 100_000 && !sink.hasEnded; i++) send(get(`/${i}`));
  gate.resolve();
  await until("the connection ends", () => sink.hasEnded);
  expect(connection.open).toBe(0);
  expect(sink.taken.match(/<.*?>/g)).toEqual(["</slow>"]);
});

test("Http1Connection keeps its deadlines: silence, slow header section, idleness, a stalled client", () => {
  const silent = start(() => text("x"));
  for (const ms of [0, 900]) silent.connection.inspect(ms);
  expect(silent.sink.isOver).toBe(false);
  silent.connection.inspect(1000);
  expect([silent.sink.hasEnded, silent.sink.taken]).toEqual([true, ""]);

  const slow = start(() => text("x"));
  for (let ms = 0; ms <= 1000; ms += 100) {
    slow.send("GET / HTTP/1.1\r\nX: aaaaaaaa".charAt(ms / 100));
    slow.connection.inspect(ms);
  }
  expect(statuses(slow.sink.taken)).toEqual([408]);
  expect(slow.sink.hasEnded).toBe(true);

  const drip = start(() => text("x"));
  for (let ms = 0; ms <= 1100; ms += 100) {
    drip.send("\r\n");
    drip.connection.inspect(ms);
  }
  expect(drip.sink.hasEnded).toBe(true);

  const idle = start(() => text("x"));
  idle.send(get("/"));
  for (const ms of [0, 2900]) idle.connection.inspect(ms);
  expect(idle.sink.isOver).toBe(false);
  idle.connection.inspect(3000);
  expect(idle.sink.hasEnded).toBe(true);

  const sent: [number, boolean][] = [];
  const stalled = start(() => ({ ...text("x".repeat(1000)), sent: (...args) => sent.push(args) }));
  stalled.sink.roomBytes = 600;
  stalled.send(get("/"));
  for (const ms of [0, 4900]) stalled.connection.inspect(ms);
  stalled.giveRoom(10);
  for (const ms of [5000, 9900]) stalled.connection.inspect(ms);
  expect(sent).toEqual([]);
  stalled.connection.inspect(10_000);
  expect(stalled.sink.isTerminated).toBe(true);
  expect(sent).toEqual([[stalled.sink.taken.length - stalled.sink.taken.indexOf("\r\n\r\n") - 4, false]]);
  stalled.connection.closed();
  expect(sent).toHaveLength(1);
});

test("Http1Connection drains: an idle connection ends at once, an open answer is given first and says so", async () => {
  const idle = start(() => text("x"));
  idle.connection.drain();
  expect(idle.sink.hasEnded).toBe(true);
  const gate = Promise.withResolvers<Answer>();
  const busy = start(() => gate.promise);
  busy.send(get("/"));
  busy.connection.drain();
  expect(busy.sink.isOver).toBe(false);
  gate.resolve(text("last"));
  await until("the connection ends", () => busy.sink.hasEnded);
  expect(busy.sink.taken).toMatch(/Connection: close\r\n[\s\S]*last$/);
});

test("Http1Connection turns an answer that cannot be written into 500, and lets its body and count go", () => {
  let returned = 0;
  const sent: [number, boolean][] = [];
  const body: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.reject(new Error("never asked")),
      return: async () => {
        returned++;
        return { done: true, value: undefined };
      },
    }),
  };
  const bad: Answer[] = [
    { status: 200, headers: ["X", "a\nb"], body },
    { status: 1000, headers: [], body: null },
    { status: 200, headers: ["Content-Length", "7"], body: Buffer.from("x") },
    { status: 200, headers: ["Content-Length", "x"], body },
  ];
  const { sink, send } = start((request) => ({
    ...(bad[Number(request.target.slice(1))] ?? text("")),
    sent: (...args) => sent.push(args),
  }));
  for (let i = 0; i < bad.length; i++) send(get(`/${i}`));
  expect(statuses(sink.taken)).toEqual([500, 500, 500, 500]);
  expect(returned).toBe(2);
  expect(sent).toEqual(Array(4).fill([0, false]));
});

test("Http1Connection gives a signal that is aborted when the client leaves, also to who asks later", async () => {
  let seen: EdgeRequest | undefined;
  const { send, connection } = start((request) => {
    seen = request;
    return new Promise(() => {});
  });
  send(get("/"));
  connection.closed();
  expect(seen?.signal.aborted).toBe(true);
});

test("Http1Connection never throws or hangs on any bytes: it answers 200 or 4xx, or waits for more", () => {
  const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
  const odd = fc.constantFrom(
    "\r\n\r\n",
    "\r\n",
    "\n",
    "GET / HTTP/1.1\r\nHost: a\r\n",
    "Content-Length: 1\r\n",
    "HTTP/1.0",
  );
  fc.assert(
    fc.property(fc.array(fc.array(fc.oneof(byte, odd), { maxLength: 30 }), { maxLength: 8 }), (reads) => {
      const { sink, send, connection } = start(() => text("x"));
      for (const read of reads) send(read.join(""));
      for (const status of statuses(sink.taken)) expect([200, 400, 413, 431, 501, 505]).toContain(status);
      for (let ms = 0; ms <= 10_000; ms += 500) connection.inspect(ms);
      expect(sink.isOver).toBe(true);
      expect(connection.open).toBe(0);
    }),
    { numRuns: 1000 },
  );
});
