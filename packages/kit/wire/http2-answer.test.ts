import { expect, test } from "bun:test";
import type { Answer, HttpRequest } from "../http/answer.ts";
import { ERROR, FLAG, FRAME, frameOf } from "./http2-frames.ts";
import { getFields, Http2Peer, headersFrame, resetFrame } from "./testing/http2-peer.ts";

/** Calls of `sent`. */
type Sent = [bodyBytes: number, isComplete: boolean][];

/** An answer that notes what `sent` was told. */
function noting(sent: Sent, answer: Answer): Answer {
  return { ...answer, sent: (bodyBytes, isComplete) => sent.push([bodyBytes, isComplete]) };
}

async function* blocks(...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size).fill(size);
}

/** Lets promises and `setImmediate` run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 5000;
  while (!isTrue()) {
    if (performance.now() > deadlineMs) throw new Error("waited 5 s");
    await turn();
  }
}

function contentLength(peer: Http2Peer, streamId: number): string | undefined {
  const { fields } = peer.stream(streamId);
  const at = fields.indexOf("content-length");
  return at < 0 ? undefined : fields[at + 1];
}

test("an answer from a promise goes out when it comes", async () => {
  const sent: Sent = [];
  const peer = new Http2Peer(async () => noting(sent, { status: 404, headers: [], body: null })).greet();
  peer.send(headersFrame(1));
  expect(peer.connection.open).toBe(1);
  await until(() => sent.length > 0);
  expect(peer.look().stream(1).fields.slice(0, 4)).toEqual([":status", "404", "content-length", "0"]);
  expect(sent).toEqual([[0, true]]);
});

test.each([
  ["HEAD", 200, "5"],
  ["GET", 304, "5"],
  ["GET", 204, undefined],
])("a %s answer %d has no content, keeps its Content-Length, and frees the source", async (method, status, length) => {
  const sent: Sent = [];
  let isFreed = false;
  const body: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.reject(new Error("nobody reads this")),
      return: async () => {
        isFreed = true;
        return { done: true, value: undefined };
      },
    }),
  };
  const headers = length === undefined ? [] : ["Content-Length", length];
  const peer = new Http2Peer(() => noting(sent, { status, headers, body })).greet();
  peer.send(headersFrame(1, getFields().with(1, method)));
  expect(peer.stream(1)).toMatchObject({ isEnded: true, body: Buffer.alloc(0) });
  expect(contentLength(peer, 1)).toBe(length);
  expect(sent).toEqual([[0, true]]);
  expect(isFreed).toBe(true);
});

test("a streamed answer arrives whole, with the length it was given or none", async () => {
  const sent: Sent = [];
  const peer = new Http2Peer(({ target }) =>
    noting(sent, {
      status: 200,
      headers: target === "/known" ? ["Content-Length", "30000"] : [],
      body: blocks(10_000, 0, 20_000),
    }),
  ).greet();
  peer.send(headersFrame(1, getFields("/known")), headersFrame(3, getFields("/unknown")));
  await until(() => sent.length === 2);
  peer.look();
  const content = Buffer.concat([Buffer.alloc(10_000, 10_000), Buffer.alloc(20_000, 20_000)]);
  expect(peer.stream(1)).toMatchObject({ isEnded: true, body: content });
  expect(peer.stream(3)).toMatchObject({ isEnded: true, body: content });
  expect([contentLength(peer, 1), contentLength(peer, 3)]).toEqual(["30000", undefined]);
  expect(sent).toEqual([
    [30_000, true],
    [30_000, true],
  ]);
});

test("the head of a stream goes with its first block, or with the next inspection", async () => {
  const first = Promise.withResolvers<void>();
  const body = (async function* () {
    await first.promise;
    yield Buffer.from("late");
  })();
  const peer = new Http2Peer(() => ({ status: 200, headers: [], body })).greet().send(headersFrame(1));
  await turn();
  expect(peer.look().stream(1).fields).toEqual([]);
  peer.connection.inspect(peer.clock.nowMs());
  expect(peer.look().stream(1).fields).toContain("200");
  first.resolve();
  await until(() => peer.connection.open === 0);
  expect(peer.look().stream(1)).toMatchObject({ body: Buffer.from("late"), isEnded: true });
});

const failing = async function* () {
  yield Buffer.from("12345");
  throw new Error("disk is gone");
};
async function* unread(): AsyncGenerator<Uint8Array> {
  yield await Promise.reject(new Error("disk is gone"));
}
const thrower: AsyncIterable<Uint8Array> = {
  [Symbol.asyncIterator]: () => ({
    next: () => {
      throw new Error("thrown at once");
    },
  }),
};

test.each([
  ["throws", "9", thrower],
  ["fails before its first block", "9", unread()],
  ["exceeds its Content-Length with its first block", "4", blocks(5)],
])("an answer whose body %s is replaced by a 500", async (_what, length, body) => {
  const sent: Sent = [];
  const peer = new Http2Peer(() => noting(sent, { status: 200, headers: ["Content-Length", length], body })).greet();
  peer.send(headersFrame(1));
  await until(() => peer.connection.open === 0);
  const stream = peer.look().stream(1);
  expect(stream.fields.slice(0, 2)).toEqual([":status", "500"]);
  expect(stream).toMatchObject({ isEnded: true, body: Buffer.from("not served: internal error\n") });
  expect(sent).toEqual([[0, false]]);
});

test.each([
  ["is shorter than its Content-Length", "11", blocks(5, 5), 10],
  ["is longer than its Content-Length", "9", blocks(5, 5), 5],
  ["goes on after its Content-Length", "5", blocks(5, 5), 5],
  ["fails", "9", failing(), 5],
])("a body that %s is reset with INTERNAL_ERROR, and never ended", async (_what, length, body, bodyBytes) => {
  const sent: Sent = [];
  const peer = new Http2Peer(() => noting(sent, { status: 200, headers: ["Content-Length", length], body })).greet();
  peer.send(headersFrame(1));
  await until(() => sent.length > 0);
  expect(peer.look().stream(1)).toMatchObject({ isEnded: false, resetCode: ERROR.internal });
  expect(sent).toEqual([[bodyBytes, false]]);
  expect(peer.connection.open).toBe(0);
});

test.each([
  ["a wrong Content-Length", { status: 200, headers: ["Content-Length", "4"], body: Buffer.from("12345") }],
  ["a header that cannot be written", { status: 200, headers: ["a", "\n"], body: Buffer.from("12345") }],
  ["a status that is none", { status: 99, headers: [], body: Buffer.from("12345") }],
])("an answer with %s becomes a 500", (_what, answer) => {
  const sent: Sent = [];
  const peer = new Http2Peer(() => noting(sent, answer)).greet().send(headersFrame(1));
  expect(peer.stream(1).fields.slice(0, 2)).toEqual([":status", "500"]);
  expect(sent).toEqual([[0, false]]);
});

test("a response head larger than a frame goes on in CONTINUATION frames", () => {
  const headers = Array.from({ length: 25 }, (_none, i) => [`x-${i}`, "v".repeat(1000)]).flat();
  const peer = new Http2Peer(() => ({ status: 200, headers, body: null })).greet().send(headersFrame(1));
  const frames = peer.frames.filter(({ streamId }) => streamId === 1);
  expect(frames.map(({ type, flags }) => [type, flags])).toEqual([
    [FRAME.headers, FLAG.endStream],
    [FRAME.continuation, FLAG.endHeaders],
  ]);
  expect(Math.max(...frames.map(({ payload }) => payload.length))).toBe(16_384);
});

test("RST_STREAM of the client frees the source, aborts the signal and tells what was taken", async () => {
  const sent: Sent = [];
  let request: HttpRequest | undefined;
  let isFreed = false;
  const body = async function* () {
    try {
      yield Buffer.from("12345");
      await new Promise(() => {});
    } finally {
      isFreed = true;
    }
  };
  const iterator = body();
  const back = iterator.return.bind(iterator);
  iterator.return = async (value) => {
    isFreed = true;
    return back(value);
  };
  const peer = new Http2Peer((asked) => {
    request = asked;
    expect(asked.signal.aborted).toBe(false);
    return noting(sent, { status: 200, headers: [], body: iterator });
  }).greet();
  peer.send(headersFrame(1));
  await until(() => peer.look().stream(1).body.length === 5);
  peer.send(resetFrame(1, ERROR.cancel));
  expect(sent).toEqual([[5, false]]);
  expect(request?.signal.aborted).toBe(true);
  expect(isFreed).toBe(true);
  expect(peer.connection.open).toBe(0);
});

test("closed() ends every answer once, with the bytes that were taken", async () => {
  const sent: Sent = [];
  const late = Promise.withResolvers<Answer>();
  const signals: AbortSignal[] = [];
  const peer = new Http2Peer((request) => {
    signals.push(request.signal);
    if (request.target === "/late") return late.promise;
    return noting(sent, { status: 200, headers: [], body: Buffer.alloc(20_000) });
  }).greet();
  peer.sink.roomBytes = 5000;
  peer.send(headersFrame(1), headersFrame(3), headersFrame(5, getFields("/late")));
  peer.connection.closed();
  peer.connection.closed();
  late.resolve(noting(sent, { status: 200, headers: [], body: Buffer.alloc(1) }));
  await until(() => sent.length === 3);
  const taken = sent[0]?.[0] ?? 0;
  expect(taken).toBeGreaterThan(4800);
  expect(taken).toBeLessThan(5000);
  expect(sent).toEqual([
    [taken, false],
    [0, false],
    [0, false],
  ]);
  expect(signals.every(({ aborted }) => aborted)).toBe(true);
  expect(peer.connection.open).toBe(0);
});

test("a sink that is closed when written to ends every answer", () => {
  const sent: Sent = [];
  const peer = new Http2Peer(() => noting(sent, { status: 200, headers: [], body: Buffer.alloc(20_000) })).greet();
  peer.sink.isTerminated = true;
  peer.send(headersFrame(1));
  expect(sent).toEqual([[0, false]]);
  expect(peer.connection.open).toBe(0);
});

test("progress() is told of bytes while a transfer goes on", () => {
  const progress: number[] = [];
  const peer = new Http2Peer(() => ({
    status: 200,
    headers: [],
    body: Buffer.alloc(60_000),
    progress: (bodyBytes) => progress.push(bodyBytes),
  })).greet();
  peer.sink.roomBytes = 40_000;
  peer.send(headersFrame(1));
  peer.connection.inspect(peer.clock.nowMs());
  peer.connection.inspect(peer.clock.nowMs());
  expect(progress).toEqual([32_768]);
});

test("drain() finishes what is open, ignores what is new, and closes", async () => {
  const answer = Promise.withResolvers<Answer>();
  const peer = new Http2Peer(() => answer.promise).greet().send(headersFrame(1));
  peer.connection.drain();
  expect(peer.look().goAwayCode).toBe(ERROR.none);
  expect(peer.frames.at(-1)?.payload.readUInt32BE(0)).toBe(1);
  peer.send(headersFrame(3), frameOf(FRAME.data, FLAG.endStream, 3, new Uint8Array(0)));
  expect(peer.state).toBe("open");
  answer.resolve({ status: 200, headers: [], body: Buffer.from("last") });
  await until(() => peer.state === "ended");
  expect(peer.look().stream(1)).toMatchObject({ isEnded: true, body: Buffer.from("last") });
  expect(peer.stream(3).fields).toEqual([]);
});

test("drain() may be called by an answer that has just ended", () => {
  const peer: Http2Peer = new Http2Peer(() => ({
    status: 200,
    headers: [],
    body: Buffer.from("last"),
    sent: () => peer.connection.drain(),
  })).greet();
  peer.send(headersFrame(1));
  expect(peer.stream(1)).toMatchObject({ isEnded: true, body: Buffer.from("last") });
  expect(peer.goAwayCode).toBe(ERROR.none);
  expect(peer.state).toBe("ended");
});

test("drain() may be called by a source while its block is put into frames", async () => {
  const source = async function* () {
    yield Buffer.from("first");
    peer.connection.drain();
    yield Buffer.from("second");
  };
  const peer: Http2Peer = new Http2Peer(() => ({ status: 200, headers: [], body: source() }))
    .greet()
    .send(headersFrame(1));
  await until(() => peer.state === "ended");
  expect(peer.look().stream(1)).toMatchObject({ isEnded: true, body: Buffer.from("firstsecond") });
  expect(peer.goAwayCode).toBe(ERROR.none);
});

test("drain() closes an idle connection at once, and so does a client that says GOAWAY", () => {
  const drained = new Http2Peer(() => ({ status: 200, headers: [], body: null })).greet();
  drained.connection.drain();
  expect(drained.look().goAwayCode).toBe(ERROR.none);
  expect(drained.state).toBe("ended");
  const left = new Http2Peer(() => ({ status: 200, headers: [], body: null })).greet();
  left.send(frameOf(FRAME.goAway, 0, 0, new Uint8Array(8)));
  expect(left.goAwayCode).toBe(ERROR.none);
  expect(left.state).toBe("ended");
});
