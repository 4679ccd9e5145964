import { describe, expect, test } from "bun:test";
import type { Answer, HttpRequest } from "../http/answer.ts";
import { ERROR, FLAG, FRAME, frameOf } from "./http2-frames.ts";
import {
  getFields,
  Http2Peer,
  headersFrame,
  literalBlock,
  PREFACE,
  resetFrame,
  settingsFrame,
  windowFrame,
} from "./testing/http2-peer.ts";

const HELLO = Buffer.from("hello\n");
const END = FLAG.endStream;
const HEADERS_END = FLAG.endHeaders;

function hello(): Answer {
  return { status: 200, headers: ["Content-Type", "text/plain"], body: HELLO };
}

/** A stream stays open while its answer never comes. */
function never(): Promise<Answer> {
  return new Promise(() => {});
}

function text(value: string): Buffer {
  return Buffer.from(value);
}

function zeros(bytes: number): Uint8Array {
  return new Uint8Array(bytes);
}

describe("receive()", () => {
  test("answers the preface with SETTINGS first, and acknowledges the client's", () => {
    const { frames } = new Http2Peer(hello, { maxStreams: 7, maxHeaderBytes: 1000 }).greet();
    expect(frames.map(({ type, flags, streamId }) => [type, flags, streamId])).toEqual([
      [FRAME.settings, 0, 0],
      [FRAME.settings, FLAG.ack, 0],
    ]);
    expect(frames[0]?.payload.toString("hex")).toBe("000300000007" + "0006000003e8" + "000900000001");
  });

  test("answers a request with its head, Content-Length, Date and body", () => {
    const peer = new Http2Peer(hello).greet().send(headersFrame(1));
    expect(peer.stream(1)).toEqual({
      fields: [
        ...[":status", "200", "content-type", "text/plain"],
        ...["content-length", "6", "date", "Thu, 01 Jan 2026 00:00:00 GMT"],
      ],
      body: HELLO,
      isEnded: true,
      resetCode: undefined,
    });
    expect(peer.connection.open).toBe(0);
  });

  test("gives the handler the request as it came", () => {
    let seen: HttpRequest | undefined;
    const peer = new Http2Peer((request) => {
      seen = request;
      return hello();
    }).greet();
    const fields = getFields("/a/../b?q=%22", "cookie", "a=1", "range", "bytes=0-", "cookie", "b=2", "te", "trailers");
    fields[7] = "A.Example:8443";
    peer.send(headersFrame(1, fields));
    expect(seen).toMatchObject({
      method: "GET",
      target: "/a/../b?q=%22",
      host: "a.example:8443",
      httpVersion: "2.0",
      remoteAddress: "192.0.2.1",
      rawHeaders: [
        ...["host", "a.example:8443", "cookie", "a=1", "range", "bytes=0-"],
        ...["cookie", "b=2", "te", "trailers"],
      ],
    });
    expect(seen?.headers).toMatchObject({ host: "a.example:8443", cookie: "a=1; b=2", range: "bytes=0-" });
    expect(seen?.signal.aborted).toBe(false);
  });

  test("answers what comes together with one write", () => {
    const peer = new Http2Peer(hello).greet();
    const { writes } = peer.sink;
    peer.send(headersFrame(1), headersFrame(3), headersFrame(5), headersFrame(7));
    expect(peer.stream(7).isEnded).toBe(true);
    expect(peer.sink.writes - writes).toBe(1);
  });

  test("reads a connection that comes byte by byte", () => {
    const peer = new Http2Peer(hello);
    for (const byte of Buffer.concat([PREFACE, settingsFrame(), headersFrame(1)])) peer.send(Uint8Array.of(byte));
    expect(peer.stream(1)).toMatchObject({ isEnded: true, body: HELLO });
  });

  test("reads padding, priority and CONTINUATION of a header block", () => {
    const block = literalBlock(getFields("/long"));
    const first = Buffer.concat([Uint8Array.of(3), zeros(5), block.subarray(0, 10), zeros(3)]);
    const targets: string[] = [];
    const peer = new Http2Peer((request) => {
      targets.push(request.target);
      return hello();
    }).greet();
    peer.send(
      frameOf(FRAME.headers, END | FLAG.padded | FLAG.priority, 1, first),
      frameOf(FRAME.continuation, 0, 1, block.subarray(10, 20)),
      frameOf(FRAME.continuation, HEADERS_END, 1, block.subarray(20)),
    );
    expect(targets).toEqual(["/long"]);
    expect(peer.stream(1)).toMatchObject({ isEnded: true });
  });

  test("waits for the end of a request: an empty DATA frame, or trailers", () => {
    const peer = new Http2Peer(hello).greet();
    peer.send(headersFrame(1, getFields(), false), headersFrame(3, getFields(), false));
    expect(peer.stream(1).fields).toEqual([]);
    peer.send(frameOf(FRAME.data, END, 1, zeros(0)), headersFrame(3, ["x-checksum", "1"]));
    expect(peer.stream(1)).toMatchObject({ isEnded: true, resetCode: undefined });
    expect(peer.stream(3)).toMatchObject({ isEnded: true, resetCode: undefined });
  });

  test.each([
    ["that is announced", [headersFrame(1, [...getFields(), "content-length", "3"], false)]],
    ["that comes", [headersFrame(1, getFields(), false), frameOf(FRAME.data, 0, 1, text("abc"))]],
  ])("refuses content %s with 413 and RST_STREAM NO_ERROR, and goes on", (_what, frames) => {
    const peer = new Http2Peer(hello).greet().send(...frames);
    expect(peer.stream(1)).toMatchObject({ isEnded: true, resetCode: ERROR.none });
    expect(peer.stream(1).fields.slice(0, 2)).toEqual([":status", "413"]);
    peer.send(frameOf(FRAME.data, END, 1, text("more")), headersFrame(3));
    expect(peer.stream(3)).toMatchObject({ isEnded: true });
    // What was on its way before the client knew of the reset is ignored.
    expect(peer.stream(1).resetCode).toBe(ERROR.none);
    expect(peer.frames.some(({ type }) => type === FRAME.windowUpdate)).toBe(false);
  });

  test("answers 431 for a header list that is too large, and goes on", () => {
    const peer = new Http2Peer(hello, { maxHeaderBytes: 500 }).greet();
    peer.send(headersFrame(1, getFields("/", "a", "x".repeat(400))), headersFrame(3));
    expect(peer.stream(1).fields.slice(0, 2)).toEqual([":status", "431"]);
    expect(peer.stream(3).fields.slice(0, 2)).toEqual([":status", "200"]);
  });

  test.each([
    ["400", getFields().with(7, "bad host")],
    ["501", [":method", "CONNECT", ":authority", "a.example:443"]],
    ["200", [":method", "OPTIONS", ":scheme", "https", ":path", "*", ":authority", "a.example"]],
    ["200", [...getFields().slice(0, 6), "host", "a.example"]],
    ["200", getFields("/", "content-length", "0")],
  ])("answers %s for %j", (status, fields) => {
    expect(new Http2Peer(hello).greet().send(headersFrame(1, fields)).stream(1).fields[1]).toBe(status);
  });

  test("answers the pings of a client and ignores what it does not know", () => {
    const peer = new Http2Peer(hello).greet([0xaaaa, 5]);
    peer.send(
      frameOf(FRAME.ping, 0, 0, text("12345678")),
      frameOf(0x42, 0xff, 0, text("what")),
      frameOf(FRAME.priority, 0, 9, zeros(5)),
      frameOf(FRAME.settings, FLAG.ack, 0, zeros(0)),
      headersFrame(1),
    );
    expect(peer.frames.filter(({ type }) => type === FRAME.ping)).toEqual([
      { type: FRAME.ping, flags: FLAG.ack, streamId: 0, payload: text("12345678") },
    ]);
    expect(peer.stream(1).isEnded).toBe(true);
    expect(peer.goAwayCode).toBeUndefined();
  });

  test("uses no dynamic table, and says so before its first field", () => {
    const peer = new Http2Peer(hello).greet([1, 0]).send(headersFrame(1), headersFrame(3));
    const heads = peer.frames.filter(({ type }) => type === FRAME.headers);
    expect(heads.map(({ payload }) => payload[0])).toEqual([0x20, 0x88]);
  });

  test("reads repeated blocks by the table as it is at their time", () => {
    const targets: string[] = [];
    const peer = new Http2Peer((request) => {
      targets.push(request.target);
      return hello();
    }).greet();
    const rest = Buffer.from([0x82, 0x87, 0x41, 1, 0x61]);
    const add = (path: string) => Buffer.concat([rest, Uint8Array.of(0x44, path.length), text(path)]);
    // Index 62 is the path just added, 63 the authority.
    const again = Uint8Array.of(0x82, 0x87, 0xbe, 0xbf);
    for (const [i, block] of [add("/a"), again, again, add("/b"), again].entries()) {
      peer.send(frameOf(FRAME.headers, END | HEADERS_END, i * 2 + 1, block));
    }
    expect(targets).toEqual(["/a", "/a", "/a", "/b", "/b"]);
  });
});

/** Requests that are malformed (RFC 9113 sections 8.1 to 8.3). */
const MALFORMED: [what: string, fields: string[]][] = [
  ["no :method", getFields().slice(2)],
  ["no :scheme", getFields().toSpliced(2, 2)],
  ["no :path", getFields().toSpliced(4, 2)],
  ["neither :authority nor Host", getFields().slice(0, 6)],
  ["an empty :path", getFields("")],
  ["a :path without slash", getFields("a")],
  ["* for GET", getFields("*")],
  ["a space in :path", getFields("/a b")],
  ["two :method", [":method", "GET", ...getFields()]],
  ["two :path", [":path", "/", ...getFields()]],
  ["an unknown pseudo-header field", [":proto", "x", ...getFields()]],
  ["a response's pseudo-header field", [":status", "200", ...getFields()]],
  ["a pseudo-header field after others", ["accept", "*/*", ...getFields()]],
  ["Host that differs from :authority", getFields("/", "host", "b.example")],
  ["two Host", [...getFields().slice(0, 6), "host", "a.example", "host", "a.example"]],
  ["a name in upper case", getFields("/", "Accept", "*/*")],
  ["an empty name", getFields("/", "", "x")],
  ["a name with a space", getFields("/", "a b", "x")],
  ["a line feed in a value", getFields("/", "a", "x\ny")],
  ["a zero byte in a value", getFields("/", "a", "\0")],
  ["a blank before a value", getFields("/", "a", " x")],
  ["Connection", getFields("/", "connection", "close")],
  ["Keep-Alive", getFields("/", "keep-alive", "1")],
  ["Proxy-Connection", getFields("/", "proxy-connection", "close")],
  ["Transfer-Encoding", getFields("/", "transfer-encoding", "chunked")],
  ["Upgrade", getFields("/", "upgrade", "h2c")],
  ["TE other than trailers", getFields("/", "te", "gzip")],
  ["Content-Length without content", getFields("/", "content-length", "1")],
  ["two Content-Lengths", getFields("/", "content-length", "0", "content-length", "0")],
  ["Content-Length that is no number", getFields("/", "content-length", "0x0")],
  ["CONNECT with :path", getFields().with(1, "CONNECT")],
];

test.each(MALFORMED)("receive() resets a request with %s, and goes on", (_what, fields) => {
  const peer = new Http2Peer(hello).greet().send(headersFrame(1, fields), headersFrame(3));
  expect(peer.stream(1)).toEqual({ fields: [], body: zeros(0) as Buffer, isEnded: false, resetCode: ERROR.protocol });
  expect(peer.stream(3).isEnded).toBe(true);
  expect(peer.goAwayCode).toBeUndefined();
});

/** What is an error of one stream: frames after the greeting, and the code of stream 1's RST_STREAM. Its answer never comes. */
const STREAM_ERRORS: [what: string, code: number, frames: Uint8Array[]][] = [
  ["5.1 DATA on a half-closed stream", ERROR.streamClosed, [headersFrame(1), frameOf(FRAME.data, 0, 1, text("a"))]],
  ["5.1 HEADERS on a half-closed stream", ERROR.streamClosed, [headersFrame(1), headersFrame(1)]],
  ["6.3 PRIORITY of 4 bytes", ERROR.frameSize, [headersFrame(1), frameOf(FRAME.priority, 0, 1, zeros(4))]],
  ["6.9 WINDOW_UPDATE of 0", ERROR.protocol, [headersFrame(1), windowFrame(1, 0)]],
  ["6.9.1 a window beyond 2^31-1", ERROR.flowControl, [headersFrame(1), windowFrame(1, 2 ** 31 - 1)]],
  [
    "8.1 trailers without END_STREAM",
    ERROR.protocol,
    [headersFrame(1, getFields(), false), headersFrame(1, ["a", "b"], false)],
  ],
  [
    "8.1 trailers with pseudo-header fields",
    ERROR.protocol,
    [headersFrame(1, getFields(), false), headersFrame(1, getFields())],
  ],
];

test.each(STREAM_ERRORS)("receive() resets a stream for %s", (_what, code, frames) => {
  const peer = new Http2Peer(never).greet().send(...frames);
  expect(peer.stream(1).resetCode).toBe(code);
  expect(peer.goAwayCode).toBeUndefined();
  expect(peer.connection.open).toBe(0);
  expect(peer.send(headersFrame(3)).connection.open).toBe(1);
});

/** What is an error of the connection: frames after the greeting, and the code of GOAWAY. */
const CONNECTION_ERRORS: [what: string, code: number, frames: Uint8Array[]][] = [
  ["4.2 a frame above 16,384 bytes", ERROR.frameSize, [frameOf(FRAME.headers, HEADERS_END, 1, zeros(16_385))]],
  ["4.3 a block that cannot be decoded", ERROR.compression, [frameOf(FRAME.headers, 5, 1, Uint8Array.of(0x80))]],
  ["4.3 a frame within a block", ERROR.protocol, [frameOf(FRAME.headers, 1, 1, zeros(0)), windowFrame(0, 1000)]],
  [
    "4.3 an unknown frame within a block",
    ERROR.protocol,
    [frameOf(FRAME.headers, 1, 1, zeros(0)), frameOf(0x42, 0, 0, zeros(0))],
  ],
  ["5.1 DATA on an idle stream", ERROR.protocol, [frameOf(FRAME.data, 0, 1, text("a"))]],
  ["5.1 RST_STREAM on an idle stream", ERROR.protocol, [resetFrame(1, 8)]],
  ["5.1 WINDOW_UPDATE on an idle stream", ERROR.protocol, [windowFrame(1, 1000)]],
  ["5.1 HEADERS on a closed stream", ERROR.streamClosed, [headersFrame(1), headersFrame(1)]],
  ["5.1.1 an even stream id", ERROR.protocol, [headersFrame(2)]],
  ["5.1.1 a stream id below an earlier one", ERROR.protocol, [headersFrame(5), headersFrame(3)]],
  ["6.1 DATA on stream 0", ERROR.protocol, [frameOf(FRAME.data, 0, 0, text("a"))]],
  [
    "6.1 DATA with too much padding",
    ERROR.protocol,
    [headersFrame(1, getFields(), false), frameOf(FRAME.data, FLAG.padded, 1, Uint8Array.of(1))],
  ],
  [
    "6.1 padded DATA without a length",
    ERROR.protocol,
    [headersFrame(1, getFields(), false), frameOf(FRAME.data, FLAG.padded, 1, zeros(0))],
  ],
  ["6.2 HEADERS on stream 0", ERROR.protocol, [headersFrame(0)]],
  [
    "6.2 HEADERS with too much padding",
    ERROR.protocol,
    [frameOf(FRAME.headers, FLAG.padded | 5, 1, Uint8Array.of(4, 0x82, 0x87, 0))],
  ],
  ["6.2 HEADERS too short for its priority", ERROR.protocol, [frameOf(FRAME.headers, FLAG.priority | 5, 1, zeros(4))]],
  ["6.3 PRIORITY on stream 0", ERROR.protocol, [frameOf(FRAME.priority, 0, 0, zeros(5))]],
  ["6.4 RST_STREAM on stream 0", ERROR.protocol, [resetFrame(0, 8)]],
  ["6.4 RST_STREAM of 3 bytes", ERROR.frameSize, [headersFrame(1), frameOf(FRAME.resetStream, 0, 1, zeros(3))]],
  ["6.5 SETTINGS on a stream", ERROR.protocol, [frameOf(FRAME.settings, 0, 1, zeros(0))]],
  ["6.5 SETTINGS of 5 bytes", ERROR.frameSize, [frameOf(FRAME.settings, 0, 0, zeros(5))]],
  ["6.5 an acknowledgement with entries", ERROR.frameSize, [frameOf(FRAME.settings, FLAG.ack, 0, zeros(6))]],
  ["6.5.2 ENABLE_PUSH of 2", ERROR.protocol, [settingsFrame([2, 2])]],
  ["6.5.2 an initial window of 2^31", ERROR.flowControl, [settingsFrame([4, 2 ** 31])]],
  ["6.5.2 frames below 16,384 bytes", ERROR.protocol, [settingsFrame([5, 16_383])]],
  ["6.5.2 frames of 2^24 bytes", ERROR.protocol, [settingsFrame([5, 2 ** 24])]],
  ["6.6 PUSH_PROMISE", ERROR.protocol, [frameOf(FRAME.pushPromise, HEADERS_END, 1, zeros(4))]],
  ["6.7 PING on a stream", ERROR.protocol, [frameOf(FRAME.ping, 0, 1, zeros(8))]],
  ["6.7 PING of 6 bytes", ERROR.frameSize, [frameOf(FRAME.ping, 0, 0, zeros(6))]],
  ["6.8 GOAWAY on a stream", ERROR.protocol, [frameOf(FRAME.goAway, 0, 1, zeros(8))]],
  ["6.8 GOAWAY of 7 bytes", ERROR.frameSize, [frameOf(FRAME.goAway, 0, 0, zeros(7))]],
  ["6.9 WINDOW_UPDATE of 0 on the connection", ERROR.protocol, [windowFrame(0, 0)]],
  ["6.9 WINDOW_UPDATE of 3 bytes", ERROR.frameSize, [frameOf(FRAME.windowUpdate, 0, 0, zeros(3))]],
  ["6.9.1 a connection window beyond 2^31-1", ERROR.flowControl, [windowFrame(0, 2 ** 31 - 1)]],
  ["6.10 CONTINUATION without HEADERS", ERROR.protocol, [frameOf(FRAME.continuation, 4, 1, zeros(0))]],
  [
    "6.10 CONTINUATION after END_HEADERS",
    ERROR.protocol,
    [headersFrame(1), frameOf(FRAME.continuation, 4, 1, zeros(0))],
  ],
  [
    "6.10 CONTINUATION of another stream",
    ERROR.protocol,
    [frameOf(FRAME.headers, 1, 1, zeros(0)), frameOf(FRAME.continuation, 4, 3, zeros(0))],
  ],
  ["6.10 CONTINUATION on stream 0", ERROR.protocol, [frameOf(FRAME.continuation, 4, 0, zeros(0))]],
];

test.each(CONNECTION_ERRORS)("receive() ends a connection with GOAWAY for %s", (_what, code, frames) => {
  const peer = new Http2Peer(hello).greet();
  for (const frame of frames) peer.send(frame);
  expect(peer.goAwayCode).toBe(code);
  expect(peer.state).toBe("ended");
  const seen = peer.frames.length;
  expect(peer.send(headersFrame(101)).frames.length).toBe(seen);
});

test.each([
  ["another protocol", text("GET / HTTP/1.1\r\n\r\n")],
  ["a preface that goes wrong at its end", Buffer.concat([PREFACE.subarray(0, 23), text("x")])],
  ["no SETTINGS after the preface", Buffer.concat([PREFACE, frameOf(FRAME.ping, 0, 0, zeros(8))])],
  ["an acknowledgement first", Buffer.concat([PREFACE, frameOf(FRAME.settings, FLAG.ack, 0, zeros(0))])],
])("receive() ends a connection that begins with %s (section 3.4)", (_what, bytes) => {
  const peer = new Http2Peer(hello).send(bytes);
  expect(peer.frames[0]?.type).toBe(FRAME.settings);
  expect(peer.goAwayCode).toBe(ERROR.protocol);
  expect(peer.state).toBe("ended");
});

test("receive() refuses streams beyond the limit, which may be asked for again", () => {
  const peer = new Http2Peer(never, { maxStreams: 2 }).greet();
  peer.send(headersFrame(1), headersFrame(3), headersFrame(5));
  expect(peer.stream(5).resetCode).toBe(ERROR.refusedStream);
  expect(peer.connection.open).toBe(2);
});
