import { expect, test } from "bun:test";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { Answer, EdgeRequest } from "@neson/kit/http/answer";
import { serveHttp } from "@neson/kit/http/server";
import { silentLog } from "@neson/kit/log";
import type { HttpLimits } from "@neson/kit/wire/connection";
import { selfSigned } from "@neson/kit/wire/testing/self-signed";
import { needs } from "../needs.ts";

const pair = selfSigned("a.test");

/** Bytes that tell where they stand. */
const CONTENT = Buffer.from(Uint8Array.from({ length: 1_500_000 }, (_none, i) => (i * 7 + (i >> 8)) & 255));
const FROZEN = Object.freeze(["Content-Type", "text/plain", "ETag", '"é~|{"', "X-Long", "v".repeat(300)]) as string[];

async function* blocks(): AsyncGenerator<Uint8Array> {
  const block = Buffer.alloc(100_000);
  for (let at = 0; at < CONTENT.length; at += block.length) {
    CONTENT.copy(block, 0, at, at + block.length);
    yield block;
  }
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield CONTENT.subarray(0, 1000);
  throw new Error("disk is gone");
}

async function count(request: EdgeRequest): Promise<Answer> {
  let bytes = 0;
  for await (const block of request.body) bytes += block.length;
  return { status: 200, headers: [], body: Buffer.from(`${bytes} ${request.trailers().join()}`) };
}

function answer(request: EdgeRequest): Answer | Promise<Answer> {
  const { target, headers } = request;
  switch (target) {
    case "/count":
      return count(request);
    case "/memory":
      return { status: 200, headers: FROZEN, body: CONTENT };
    case "/stream":
      return { status: 200, headers: ["Content-Length", String(CONTENT.length)], body: blocks() };
    case "/broken":
      return { status: 200, headers: ["Content-Length", "2000"], body: broken() };
    case "/later":
      return new Promise((resolve) => setImmediate(() => resolve({ status: 404, headers: [], body: null })));
    default:
      return { status: 200, headers: FROZEN, body: Buffer.from(JSON.stringify({ target, cookie: headers.cookie })) };
  }
}

function serve(limits: HttpLimits = {}, refusesContent = true) {
  const all = { graceMs: 2000, maxRequestsPerSecond: 1e6, ...limits };
  return serveHttp({
    hostname: "127.0.0.1",
    port: 0,
    handle: answer,
    log: silentLog,
    tls: pair,
    limits: all,
    refusesContent,
  });
}

function open(port: number): ClientHttp2Session {
  return connect(`https://127.0.0.1:${port}`, { ca: pair.cert, rejectUnauthorized: false });
}

interface Seen {
  headers: Record<string, unknown>;
  body: Buffer;
  code: number;
}

function finish(stream: ClientHttp2Stream): Promise<Seen> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let headers: Record<string, unknown> = {};
    stream.on("response", (received) => {
      headers = { ...received };
    });
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("error", () => {});
    stream.on("close", () => resolve({ headers, body: Buffer.concat(parts), code: stream.rstCode ?? 0 }));
    stream.end();
  });
}

test("node:http2 gets what was answered, on many streams of one connection", async () => {
  await using server = await serve();
  const session = open(server.port);
  const paths = ["/memory", "/stream", "/later", ...Array.from({ length: 40 }, (_none, i) => `/small?${i}`)];
  const seen = await Promise.all(paths.map((path) => finish(session.request({ ":path": path, cookie: "a=1" }))));
  const [memory, stream, later, ...small] = seen;
  expect(memory?.headers).toMatchObject({ ":status": 200, "content-length": "1500000", etag: '"é~|{"' });
  expect(memory?.headers["x-long"]).toBe("v".repeat(300));
  expect(memory?.body.equals(CONTENT)).toBe(true);
  expect(stream?.body.equals(CONTENT)).toBe(true);
  expect(later?.headers[":status"]).toBe(404);
  for (const [i, { body }] of small.entries()) {
    expect(JSON.parse(body.toString())).toEqual({ target: `/small?${i}`, cookie: "a=1" });
  }
  session.close();
});

test("node:http2 is told of a body that fails, and of content that is refused", async () => {
  await using server = await serve();
  const session = open(server.port);
  expect(await finish(session.request({ ":path": "/broken" }))).toMatchObject({
    code: constants.NGHTTP2_INTERNAL_ERROR,
  });
  const upload = session.request({ ":method": "POST", ":path": "/", "content-length": "3" }, { endStream: false });
  expect((await finish(upload)).headers[":status"]).toBe(413);
  expect((await finish(session.request({ ":path": "/after" }))).headers[":status"]).toBe(200);
  session.close();
});

test("a server that stops lets node:http2 finish a download", async () => {
  const server = await serve();
  const session = open(server.port);
  const download = session.request({ ":path": "/stream" });
  const seen = finish(download);
  await new Promise((resolve) => download.once("response", resolve));
  await server.stop();
  expect((await seen).body.equals(CONTENT)).toBe(true);
  session.destroy();
});

/** What a program prints, and its exit code. */
async function run(...command: string[]): Promise<{ output: Buffer; code: number }> {
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "ignore", timeout: 20_000 });
  const output = Buffer.from(await new Response(child.stdout).arrayBuffer());
  return { output, code: await child.exited };
}

test.skipIf(!needs("curl"))("curl gets what was answered", async () => {
  await using server = await serve();
  const base = `https://127.0.0.1:${server.port}`;
  const whole = await run("curl", "-sk", "--http2", `${base}/memory`, `${base}/stream`);
  expect(whole.output.equals(Buffer.concat([CONTENT, CONTENT]))).toBe(true);
  const head = await run("curl", "-skI", "--http2", `${base}/memory`);
  expect(head.output.toString("latin1")).toStartWith("HTTP/2 200");
  expect((await run("curl", "-sk", "--http2", `${base}/broken`)).code).not.toBe(0);
});

test.skipIf(!needs("nghttp"))("nghttp gets what was answered, with padding, tiny tables and tiny windows", async () => {
  await using server = await serve();
  const base = `https://127.0.0.1:${server.port}`;
  const options = ["--padding=30", "--header-table-size=0", "--encoder-header-table-size=100", "-w", "10", "-W", "12"];
  for (const path of ["/memory", "/stream"]) {
    const { output, code } = await run("nghttp", ...options, base + path);
    expect(code).toBe(0);
    expect(output.equals(CONTENT)).toBe(true);
  }
});

test.skipIf(!needs("h2load"))("h2load has thousands of requests answered on a few connections", async () => {
  await using server = await serve();
  const url = `https://127.0.0.1:${server.port}/small`;
  const { output } = await run("h2load", "-n3000", "-c4", "-m20", "-t1", url);
  expect(output.toString()).toContain("3000 succeeded, 0 failed, 0 errored, 0 timeout");
});

test("node:http2 uploads more than any window, with trailers, on several streams", async () => {
  await using server = await serve({}, false);
  const session = open(server.port);
  const uploads = Array.from({ length: 4 }, () => {
    const upload = session.request(
      { ":method": "POST", ":path": "/count" },
      { endStream: false, waitForTrailers: true },
    );
    upload.on("wantTrailers", () => upload.sendTrailers({ "x-sum": "7" }));
    upload.write(CONTENT);
    upload.write(CONTENT);
    return finish(upload);
  });
  for (const seen of await Promise.all(uploads)) expect(seen.body.toString()).toBe("3000000 x-sum,7");
  session.close();
});
