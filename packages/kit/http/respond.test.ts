import { expect, test } from "bun:test";
import type { IncomingHttpHeaders } from "node:http";
import fc from "fast-check";
import { type Answer, header } from "./answer.ts";
import { type RangedAnswerOptions, rangedAnswer } from "./respond.ts";

const DATA = Buffer.from("0123456789abcdefghij");
const HEADERS = [
  "Content-Type",
  "text/plain",
  "ETag",
  '"v1"',
  "Cache-Control",
  "max-age=60",
  "X-Own",
  "1",
  "x-own",
  "2",
];

function answer(requestHeaders: IncomingHttpHeaders, more: Partial<RangedAnswerOptions> = {}): Answer {
  const read = (first: number, last: number) => DATA.subarray(first, last + 1);
  return rangedAnswer({ requestHeaders, method: "GET", size: DATA.length, headers: HEADERS, read, ...more });
}

async function textOf(body: Answer["body"]): Promise<string> {
  if (body === null) return "";
  if (body instanceof Uint8Array) return Buffer.from(body).toString("latin1");
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("latin1");
}

test("rangedAnswer() gives the whole with its headers verbatim", async () => {
  const whole = answer({});
  expect(whole.status).toBe(200);
  expect(whole.headers).toEqual([...HEADERS, "Accept-Ranges", "bytes", "Content-Length", "20"]);
  expect(await textOf(whole.body)).toBe(DATA.toString());
});

test("rangedAnswer() gives HEAD the same headers, reads nothing, and ignores its Range", () => {
  const head = answer({ range: "bytes=0-1" }, { method: "HEAD", read: () => expect.unreachable() });
  expect(head).toEqual({ status: 200, headers: answer({}).headers, body: null });
});

test("rangedAnswer() gives one part as 206", async () => {
  const part = answer({ range: "bytes=5-9" });
  expect(part.status).toBe(206);
  expect(part.headers.slice(HEADERS.length)).toEqual([
    ...["Accept-Ranges", "bytes", "Content-Length", "5", "Content-Range", "bytes 5-9/20"],
  ]);
  expect(await textOf(part.body)).toBe("56789");
});

test("rangedAnswer() gives several parts as multipart/byteranges of the announced length", async () => {
  for (const streamed of [false, true]) {
    async function* stream(bytes: Uint8Array) {
      for (const byte of bytes) yield Uint8Array.of(byte);
    }
    const many = answer(
      { range: "bytes=0-1,-2" },
      { read: (first, last) => (streamed ? stream(DATA.subarray(first, last + 1)) : DATA.subarray(first, last + 1)) },
    );
    const boundary = header(many.headers, "Content-Type")?.match(/^multipart\/byteranges; boundary=(.+)$/)?.[1];
    const text = await textOf(many.body);
    expect(many.status).toBe(206);
    expect(header(many.headers, "Content-Range")).toBeUndefined();
    expect(header(many.headers, "Content-Length")).toBe(String(text.length));
    expect(text).toBe(
      `--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/20\r\n\r\n01\r\n` +
        `--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 18-19/20\r\n\r\nij\r\n--${boundary}--\r\n`,
    );
  }
});

test("rangedAnswer() gives 416 with the size and nothing a cache could keep", () => {
  const refused = answer({ range: "bytes=20-" });
  expect(refused).toEqual({
    status: 416,
    headers: ["X-Own", "1", "x-own", "2", "Content-Range", "bytes */20", "Content-Length", "0"],
    body: null,
  });
});

test("rangedAnswer() applies a Range only when If-Range holds", () => {
  expect(answer({ range: "bytes=0-1", "if-range": '"v1"' }).status).toBe(206);
  expect(answer({ range: "bytes=0-1", "if-range": '"v0"' }).status).toBe(200);
  expect(answer({ range: "bytes=99-", "if-range": '"v0"' }).status).toBe(200);
});

test("rangedAnswer() gives 304 before it looks at the Range, with cache headers but no content headers", () => {
  const notModified = answer({ "if-none-match": '"v1"', range: "bytes=0-1" });
  expect(notModified).toEqual({ status: 304, headers: HEADERS.slice(2), body: null });
});

test("rangedAnswer() gives 412 before 304", () => {
  expect(answer({ "if-match": '"v0"', "if-none-match": '"v1"' })).toMatchObject({ status: 412, body: null });
});

test("rangedAnswer() serves the whole, and offers no ranges, where they are not allowed", () => {
  const whole = answer({ range: "bytes=0-1" }, { rangeAllowed: false });
  expect(whole.status).toBe(200);
  expect(header(whole.headers, "Accept-Ranges")).toBeUndefined();
});

test("rangedAnswer() gives any other stored status as it is, whatever the conditions", () => {
  const missing = answer({ range: "bytes=0-1", "if-none-match": "*" }, { status: 404 });
  expect(missing).toMatchObject({ status: 404, headers: [...HEADERS, "Content-Length", "20"] });
});

test("rangedAnswer() replaces framing fields the stored headers have", () => {
  const stored = ["content-length", "7", "accept-ranges", "none"];
  const whole = answer({}, { headers: stored });
  expect(whole.headers).toEqual(["Content-Length", "20", "Accept-Ranges", "bytes"]);
  expect(stored).toEqual(["content-length", "7", "accept-ranges", "none"]);
});

test("rangedAnswer() serves an empty representation without reading", () => {
  const options = { size: 0, read: () => expect.unreachable() };
  expect(answer({}, options)).toMatchObject({ status: 200, body: null });
  expect(answer({ range: "bytes=0-" }, options).status).toBe(416);
  expect(answer({ range: "bytes=-1" }, options).status).toBe(200);
});

test("rangedAnswer() announces the exact length of its body for any Range", async () => {
  const spec = fc.tuple(fc.nat(25), fc.nat(25)).map(([a, b]) => `${a}-${b}`);
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          spec,
          fc.nat(25).map((n) => `-${n}`),
        ),
        { maxLength: 4 },
      ),
      async (specs) => {
        const given = answer({ range: `bytes=${specs.join(",")}` });
        expect(Number(header(given.headers, "Content-Length"))).toBe((await textOf(given.body)).length);
      },
    ),
  );
});
