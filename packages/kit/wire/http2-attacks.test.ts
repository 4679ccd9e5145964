import { expect, test } from "bun:test";
import type { Answer } from "../http/answer.ts";
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

const NOTHING = new Uint8Array(0);
const EMPTY_DATA = frameOf(FRAME.data, 0, 1, NOTHING);

function small(): Answer {
  return { status: 200, headers: [], body: Buffer.from("hello\n") };
}

function large(): Answer {
  return { status: 200, headers: [], body: Buffer.alloc(1_000_000) };
}

function never(): Promise<Answer> {
  return new Promise(() => {});
}

/** Sends pieces until the connection ends or all are sent; how many were. */
function flood(peer: Http2Peer, pieces: number, piece: (i: number) => Uint8Array): number {
  for (let i = 0; i < pieces; i++) {
    if (peer.state !== "open") return i;
    peer.send(piece(i));
  }
  return pieces;
}

test("a rapid reset (CVE-2023-44487) ends the connection after a few hundred requests", () => {
  let handled = 0;
  const peer = new Http2Peer(() => {
    handled++;
    return never();
  }).greet();
  const sent = flood(peer, 10_000, (i) =>
    Buffer.concat([headersFrame(i * 2 + 1), resetFrame(i * 2 + 1, ERROR.cancel)]),
  );
  expect(peer.goAwayCode).toBe(ERROR.enhanceYourCalm);
  expect(sent).toBeLessThan(500);
  expect(handled).toBe(sent);
  expect(peer.connection.open).toBe(0);
});

test("resets that the server is made to send (CVE-2025-8671) end the connection as well", () => {
  const peer = new Http2Peer(never).greet();
  const sent = flood(peer, 10_000, (i) => Buffer.concat([headersFrame(i * 2 + 1), windowFrame(i * 2 + 1, 0)]));
  expect(peer.goAwayCode).toBe(ERROR.enhanceYourCalm);
  expect(sent).toBeLessThan(500);
});

test("malformed requests end the connection as well", () => {
  const peer = new Http2Peer(small).greet();
  expect(flood(peer, 10_000, (i) => headersFrame(i * 2 + 1, getFields(""))) < 500).toBe(true);
  expect(peer.goAwayCode).toBe(ERROR.enhanceYourCalm);
});

test.each([
  ["PING", frameOf(FRAME.ping, 0, 0, new Uint8Array(8))],
  ["acknowledged PING", frameOf(FRAME.ping, FLAG.ack, 0, new Uint8Array(8))],
  ["SETTINGS", settingsFrame([4, 65_535])],
  ["acknowledged SETTINGS", frameOf(FRAME.settings, FLAG.ack, 0, NOTHING)],
  ["empty DATA", EMPTY_DATA],
  ["padded empty DATA", frameOf(FRAME.data, FLAG.padded, 1, new Uint8Array(1))],
  ["PRIORITY", frameOf(FRAME.priority, 0, 7, new Uint8Array(5))],
  ["unknown", frameOf(0x77, 0, 0, NOTHING)],
  ["WINDOW_UPDATE of 1 byte", windowFrame(1, 1)],
  ["RST_STREAM of a closed stream", resetFrame(3, 0)],
])("a flood of %s frames ends the connection", (_what, frame) => {
  const peer = new Http2Peer((request) => (request.target === "/now" ? small() : never())).greet();
  peer.send(headersFrame(1, getFields(), false), headersFrame(3, getFields("/now")));
  const sent = flood(peer, 3000, () => frame);
  expect(peer.goAwayCode).toBe(ERROR.enhanceYourCalm);
  expect(sent).toBeLessThanOrEqual(1010);
});

test("a flood in one piece to a client that does not read keeps no more than the bound", () => {
  const peer = new Http2Peer(small).greet();
  peer.sink.roomBytes = 0;
  const ping = frameOf(FRAME.ping, 0, 0, new Uint8Array(8));
  for (let i = 0; i < 60; i++) peer.send(...Array.from({ length: 16 }, () => ping));
  expect(peer.state).toBe("ended");
  expect(peer.sink.taken).toBe("");
});

test("an ordinary client never comes near the bounds", () => {
  const peer = new Http2Peer(small).greet();
  for (let i = 0; i < 5000; i++) {
    peer.send(headersFrame(i * 2 + 1), windowFrame(0, 6), windowFrame(i * 2 + 1, 6));
    if (i % 4 === 0) peer.send(frameOf(FRAME.ping, 0, 0, new Uint8Array(8)));
  }
  expect(peer.goAwayCode).toBeUndefined();
  expect(peer.stream(9999).isEnded).toBe(true);
});

test("what was spent comes back with time", () => {
  const peer = new Http2Peer(small, { keepAliveMs: 1e9, headersMs: 1e9 }).greet();
  let nowMs = 0;
  peer.connection.inspect(nowMs);
  for (let round = 0; round < 10; round++) {
    flood(peer, 900, () => frameOf(FRAME.ping, 0, 0, new Uint8Array(8)));
    nowMs += 10_000;
    peer.connection.inspect(nowMs);
  }
  expect(peer.goAwayCode).toBeUndefined();
});

test.each([
  ["empty", 0],
  ["large", 16_384],
])("a CONTINUATION flood (CVE-2024-27316) of %s frames ends the connection", (_what, bytes) => {
  const peer = new Http2Peer(small).greet().send(frameOf(FRAME.headers, FLAG.endStream, 1, NOTHING));
  const sent = flood(peer, 1000, () => frameOf(FRAME.continuation, 0, 1, new Uint8Array(bytes).fill(0x82)));
  expect(peer.goAwayCode).toBe(ERROR.enhanceYourCalm);
  expect(sent).toBeLessThan(40);
});

test("a header bomb is not unfolded: 16,000 references to one large field are a 431", () => {
  const peer = new Http2Peer(small).greet();
  const value = Buffer.alloc(4000, "x");
  const add = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]), value]);
  peer.send(frameOf(FRAME.headers, 5, 1, Buffer.concat([literalBlock(getFields()), add])));
  expect(peer.stream(1).fields[1]).toBe("200");
  const startMs = performance.now();
  for (let i = 0; i < 20; i++) peer.send(frameOf(FRAME.headers, 5, 3 + 2 * i, Buffer.alloc(16_000, 0xbe)));
  expect(peer.stream(3).fields[1]).toBe("431");
  expect(performance.now() - startMs).toBeLessThan(1000);
});

test("a window that overflows by SETTINGS is a FLOW_CONTROL_ERROR", () => {
  const peer = new Http2Peer(never).greet().send(headersFrame(1), windowFrame(1, 2 ** 31 - 1 - 65_535));
  expect(peer.goAwayCode).toBeUndefined();
  peer.send(settingsFrame([4, 65_536]));
  expect(peer.goAwayCode).toBe(ERROR.flowControl);
});

test("content beyond the window that was given is a FLOW_CONTROL_ERROR", () => {
  const peer = new Http2Peer(small).greet().send(headersFrame(1, getFields(), false));
  expect(flood(peer, 10, () => frameOf(FRAME.data, 0, 1, new Uint8Array(16_384)))).toBe(4);
  expect(peer.goAwayCode).toBe(ERROR.flowControl);
});

test("windows of single bytes end the connection", () => {
  const peer = new Http2Peer(large).greet([4, 0]).send(headersFrame(1));
  expect(flood(peer, 10_000, () => windowFrame(1, 1))).toBeLessThan(1001);
  expect(peer.goAwayCode).toBe(ERROR.enhanceYourCalm);
});

test("an initial window that goes to and fro to make tiny frames ends the connection", () => {
  const peer = new Http2Peer(large).greet([4, 0]).send(headersFrame(1));
  expect(flood(peer, 10_000, (i) => settingsFrame([4, i + 1]))).toBeLessThan(500);
  expect(peer.goAwayCode).toBe(ERROR.enhanceYourCalm);
});

test("a client that takes nothing of a waiting answer is cut off after stallMs", () => {
  const sent: [number, boolean][] = [];
  const peer = new Http2Peer(() => ({ ...large(), sent: (...what) => sent.push(what) }), { stallMs: 1000 }).greet();
  peer.sink.roomBytes = 100;
  peer.send(headersFrame(1));
  for (const nowMs of [0, 250, 500]) peer.connection.inspect(nowMs);
  peer.sink.roomBytes = 50;
  peer.connection.writable();
  for (const nowMs of [750, 1000, 1500]) peer.connection.inspect(nowMs);
  expect(peer.state).toBe("open");
  peer.connection.inspect(1750);
  expect(peer.state).toBe("cut");
  expect(sent).toHaveLength(1);
  expect(sent[0]?.[1]).toBe(false);
});

test("a stream whose window stays closed is reset after stallMs, others go on", () => {
  const peer = new Http2Peer((request) => (request.target === "/large" ? large() : small()), { stallMs: 1000 });
  peer.greet().send(headersFrame(1, getFields("/large")), windowFrame(0, 1_000_000));
  expect(peer.stream(1).body.length).toBe(65_535);
  for (const nowMs of [0, 500, 999]) peer.connection.inspect(nowMs);
  expect(peer.look().stream(1).resetCode).toBeUndefined();
  peer.connection.inspect(1001);
  expect(peer.look().stream(1).resetCode).toBe(ERROR.cancel);
  expect(peer.send(headersFrame(3)).stream(3).isEnded).toBe(true);
});

test("a slow handler is not cut off for being slow", () => {
  const peer = new Http2Peer(never, { stallMs: 1000, keepAliveMs: 1000, headersMs: 1000 }).greet();
  peer.send(headersFrame(1));
  for (let nowMs = 0; nowMs < 60_000; nowMs += 250) peer.connection.inspect(nowMs);
  expect(peer.state).toBe("open");
  expect(peer.look().goAwayCode).toBeUndefined();
});

test.each([
  ["sends nothing", [NOTHING], ERROR.none],
  ["sends a part of the preface", [PREFACE.subarray(0, 10)], ERROR.enhanceYourCalm],
  ["asks for nothing", [PREFACE, settingsFrame()], ERROR.none],
  ["stops within a frame", [PREFACE, settingsFrame(), headersFrame(1).subarray(0, 20)], ERROR.enhanceYourCalm],
  [
    "stops within a header block",
    [PREFACE, settingsFrame(), frameOf(FRAME.headers, 1, 1, NOTHING)],
    ERROR.enhanceYourCalm,
  ],
])("a client that %s is sent away after headersMs", (_what, parts, code) => {
  const peer = new Http2Peer(small, { headersMs: 1000 }).send(...parts);
  for (const nowMs of [0, 250, 500, 999]) peer.connection.inspect(nowMs);
  expect(peer.state).toBe("open");
  peer.connection.inspect(1000);
  expect(peer.look().goAwayCode).toBe(code);
  expect(peer.state).toBe("ended");
});

test("a client that sends a frame byte by byte is sent away after headersMs", () => {
  const peer = new Http2Peer(small, { headersMs: 1000 }).greet();
  const frame = headersFrame(1);
  for (let i = 0; i < 20 && peer.state === "open"; i++) {
    peer.send(frame.subarray(i, i + 1));
    peer.connection.inspect(i * 100);
  }
  expect(peer.look().goAwayCode).toBe(ERROR.enhanceYourCalm);
});

test("a request that does not end is answered 408 after headersMs", () => {
  const peer = new Http2Peer(small, { headersMs: 1000 }).greet().send(headersFrame(1, getFields(), false));
  for (const nowMs of [0, 999]) peer.connection.inspect(nowMs);
  expect(peer.look().stream(1).fields).toEqual([]);
  peer.connection.inspect(1000);
  expect(peer.look().stream(1)).toMatchObject({ isEnded: true, resetCode: ERROR.none });
  expect(peer.stream(1).fields[1]).toBe("408");
});

test("an idle connection is closed after keepAliveMs, pings or not", () => {
  const peer = new Http2Peer(small, { keepAliveMs: 1000, headersMs: 100 }).greet().send(headersFrame(1));
  for (let nowMs = 0; nowMs < 1000; nowMs += 100) {
    peer.connection.inspect(nowMs);
    peer.send(frameOf(FRAME.ping, 0, 0, new Uint8Array(8)));
  }
  expect(peer.state).toBe("open");
  peer.connection.inspect(1000);
  expect(peer.look().goAwayCode).toBe(ERROR.none);
  expect(peer.state).toBe("ended");
});
