import { expect, test } from "bun:test";
import type { Answer, EdgeRequest } from "../http/answer.ts";
import { text, until } from "../http/testing/listener-case.ts";
import { ERROR, FLAG, FRAME, frameOf, read31 } from "./http2-frames.ts";
import { getFields, Http2Peer, headersFrame, literalBlock, resetFrame } from "./testing/http2-peer.ts";

const postFields = (...more: string[]) => [":method", "POST", ...getFields("/").slice(2), ...more];
const dataFrame = (id: number, content: string | Uint8Array, isEnd = false) =>
  frameOf(FRAME.data, isEnd ? FLAG.endStream : 0, id, Buffer.from(content as string));
const trailersFrame = (id: number, fields: string[]) =>
  frameOf(FRAME.headers, FLAG.endHeaders | FLAG.endStream, id, literalBlock(fields));
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function contentOf(request: EdgeRequest): Promise<string> {
  let content = "";
  for await (const block of request.body) content += Buffer.from(block).toString("latin1");
  return content;
}

function start(
  handle: (request: EdgeRequest) => Promise<Answer> = async (request) => text(`<${await contentOf(request)}>`),
) {
  // As a server does it: what a handler throws has become an answer.
  return new Http2Peer((request) => handle(request).catch(() => text("failed")), {}, true).greet();
}

async function answered(peer: Http2Peer, id: number) {
  await until(`stream ${id} is over`, () => {
    peer.look();
    return peer.stream(id).isEnded || peer.stream(id).resetCode !== undefined || peer.state !== "open";
  });
  return peer.stream(id);
}

test("Http2Connection hands over content in any number of frames, padded or not, with and without a length", async () => {
  const peer = start();
  peer.send(headersFrame(1, postFields("content-length", "6"), false), dataFrame(1, "abc"));
  peer.send(frameOf(FRAME.data, FLAG.padded, 1, Buffer.from("\x02def\0\0")), dataFrame(1, "", true));
  peer.send(headersFrame(3, postFields(), false), dataFrame(3, "xyz", true));
  expect((await answered(peer, 1)).body.toString()).toBe("<abcdef>");
  expect((await answered(peer, 3)).body.toString()).toBe("<xyz>");
});

test("Http2Connection frames content of unknown length for the handler as HTTP/1.1 would", async () => {
  const peer = start(async (request) => text(`${request.headers["transfer-encoding"]} ${await contentOf(request)}`));
  peer.send(headersFrame(1, postFields(), false), dataFrame(1, "a", true));
  expect((await answered(peer, 1)).body.toString()).toBe("chunked a");
  peer.send(headersFrame(3, postFields("content-length", "1"), false), dataFrame(3, "a", true));
  expect((await answered(peer, 3)).body.toString()).toBe("undefined a");
  peer.send(headersFrame(5));
  expect((await answered(peer, 5)).body.toString()).toBe("undefined ");
});

test("Http2Connection resets a stream whose content does not fit its Content-Length, and tells its reader", async () => {
  const failures: unknown[] = [];
  const peer = start(async (request) => {
    await contentOf(request).catch((error: unknown) => failures.push(error));
    return text("late");
  });
  peer.send(headersFrame(1, postFields("content-length", "3"), false), dataFrame(1, "abcd"));
  peer.send(headersFrame(3, postFields("content-length", "3"), false), dataFrame(3, "ab", true));
  peer.send(headersFrame(5, postFields("content-length", "3"), false), dataFrame(5, "ab"));
  peer.send(trailersFrame(5, ["x-sum", "7"]));
  peer.send(headersFrame(7, postFields("content-length", "3"), true));
  for (const id of [1, 3, 5, 7]) expect((await answered(peer, id)).resetCode).toBe(ERROR.protocol);
  await until("the readers are told", () => failures.length === 3);
  expect(failures).toEqual(Array(3).fill(expect.objectContaining({ code: "request-cut-short" })));
  expect(peer.state).toBe("open");
});

test("Http2Connection opens windows only as content is read, and bounds what waits", async () => {
  const gate = Promise.withResolvers<void>();
  const peer = start(async (request) => {
    await gate.promise;
    return text(`<${(await contentOf(request)).length}>`);
  });
  const updates = (id: number) =>
    peer.frames
      .filter(({ type, streamId }) => type === FRAME.windowUpdate && streamId === id)
      .map(({ payload }) => read31(payload, 0));
  expect(updates(0)).toEqual([1024 * 1024 - 65_535]);
  peer.send(headersFrame(1, postFields(), false));
  for (let i = 0; i < 16; i++) peer.send(dataFrame(1, Buffer.alloc(16_384)));
  await settle();
  expect(peer.look().stream(1).resetCode).toBeUndefined();
  expect(updates(1)).toEqual([]);
  gate.resolve();
  await until("windows are opened", () => updates(1).length > 0 || peer.look().frames.length === 0);
  peer.send(dataFrame(1, Buffer.alloc(16_384)), dataFrame(1, "", true));
  expect((await answered(peer, 1)).body.toString()).toBe(`<${17 * 16_384}>`);
  expect(updates(1).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(17 * 16_384);
});

test("Http2Connection ends what breaks a window: the stream for its own, the connection for that of all", async () => {
  const never = () => new Promise<never>(() => {});
  const one = start(never);
  one.send(headersFrame(1, postFields(), false));
  for (let i = 0; i < 17; i++) one.send(dataFrame(1, Buffer.alloc(16_384)));
  expect(one.look().stream(1).resetCode).toBe(ERROR.flowControl);
  expect(one.state).toBe("open");
  const all = start(never);
  for (let id = 1; id <= 9; id += 2) {
    all.send(headersFrame(id, postFields(), false));
    for (let i = 0; i < 15; i++) all.send(dataFrame(id, Buffer.alloc(16_384)));
  }
  expect(all.look().goAwayCode).toBe(ERROR.flowControl);
});

test("Http2Connection gives the trailers without what has no place there, and refuses pseudo-header fields among them", async () => {
  const peer = start(async (request) => text(`${await contentOf(request)} ${request.trailers().join()}`));
  peer.send(headersFrame(1, postFields(), false), dataFrame(1, "a"));
  peer.send(trailersFrame(1, ["x-sum", "7", "content-length", "9", "host", "b", "authorization", "x"]));
  expect((await answered(peer, 1)).body.toString()).toBe("a x-sum,7");
  for (const [id, fields] of [
    [3, [":path", "/"]],
    [5, ["transfer-encoding", "chunked"]],
    [7, ["x", "a\r\nb"]],
  ] as const) {
    peer.send(headersFrame(id, postFields(), false), trailersFrame(id, [...fields]));
    expect((await answered(peer, id)).resetCode).toBe(ERROR.protocol);
  }
});

test("Http2Connection answers early and has the rest of the content not sent", async () => {
  const peer = start(async () => text("no"));
  peer.send(headersFrame(1, postFields("content-length", "1000000"), false), dataFrame(1, "abc"));
  const stream = await answered(peer, 1);
  await until("the stream is reset", () => peer.look().stream(1).resetCode !== undefined);
  expect([stream.body.toString(), stream.resetCode]).toEqual(["no", ERROR.none]);
  peer.send(dataFrame(1, "on its way"));
  peer.send(headersFrame(3));
  expect((await answered(peer, 3)).body.toString()).toBe("no");
});

test("Http2Connection sends interim answers and trailers, 100 only when content is read", async () => {
  const seen: string[][] = [];
  const peer = start(async (request) => {
    request.inform(103, ["Link", "</a>"]);
    const content = request.headers.expect === undefined ? "" : await contentOf(request);
    async function* body() {
      yield Buffer.from(`<${content}>`);
    }
    return { status: 200, headers: [], body: body(), trailers: () => ["X-Sum", "7", "Connection", "x"] };
  });
  peer.send(headersFrame(1));
  const note = () => seen.push([...peer.look().stream(1).fields]);
  await until("the stream is over", () => {
    note();
    return peer.stream(1).isEnded;
  });
  expect(peer.frames.filter(({ type, streamId }) => type === FRAME.headers && streamId === 1)).toHaveLength(3);
  expect(peer.stream(1).fields).toEqual(["x-sum", "7"]);
  expect(peer.stream(1).body.toString()).toBe("<>");
  peer.send(headersFrame(3, postFields("expect", "100-continue", "content-length", "1"), false));
  await settle();
  expect(peer.look().stream(3).fields).toEqual([":status", "100"]);
  peer.send(dataFrame(3, "x", true));
  expect((await answered(peer, 3)).body.toString()).toBe("<x>");
});

test("Http2Connection has no 101, and tells a reader of a reset", async () => {
  let failure: unknown;
  const peer = start(async (request) => {
    if (request.method === "GET") return { status: 101, headers: [], body: null };
    await contentOf(request).catch((error: unknown) => {
      failure = error;
    });
    return text("late");
  });
  peer.send(headersFrame(1));
  expect((await answered(peer, 1)).fields.slice(0, 2)).toEqual([":status", "501"]);
  peer.send(headersFrame(3, postFields(), false), dataFrame(3, "abc"), resetFrame(3, ERROR.cancel));
  await until("the reader is told", () => failure !== undefined);
  expect(failure).toMatchObject({ code: "request-cut-short" });
});

test("Http2Connection answers 408 when content stops, and leaves a slow reader its time", async () => {
  const peer = start(async (request) => {
    if (request.headers["x-slow"] !== undefined) await new Promise(() => {});
    return text(await contentOf(request));
  });
  peer.send(headersFrame(1, postFields(), false), dataFrame(1, "abc"));
  peer.send(headersFrame(3, postFields("x-slow", "1"), false), dataFrame(3, "abc"));
  await settle();
  for (const ms of [0, 1000, 3900]) peer.connection.inspect(ms);
  expect(peer.look().stream(1).fields).toEqual([]);
  peer.connection.inspect(4100);
  expect(peer.look().stream(1).fields.slice(0, 2)).toEqual([":status", "408"]);
  expect(peer.stream(3).fields).toEqual([]);
});
