import { expect, test } from "bun:test";
import { answerOfError } from "@neson/kit/http/failure";
import { RawClient } from "@neson/kit/http/raw-client";
import { silentLog } from "@neson/kit/log";
import { FLAG, FRAME, frameOf } from "@neson/kit/wire/http2-frames";
import { Http2Peer, headersFrame } from "@neson/kit/wire/testing/http2-peer";
import { startTestbed, until } from "../../packages/router/edge/testbed.ts";
import { type RawOrigin, startRawOrigin, type WireRequest } from "./raw-origin.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: site.test\r\n\r\n";
const LENGTH = String(SMUGGLED.length);
const post = (fields: string[], content = "", target = "/victim") =>
  `POST ${target} HTTP/1.1\r\nHost: site.test\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n${content}`;
const chunked = (content: string) => `${content.length.toString(16)}\r\n${content}\r\n0\r\n\r\n`;

/** What is ambiguous: refused whole, and nothing behind it is looked at. */
const REFUSED: [name: string, bytes: string][] = [
  ["CL.TE", post(["Content-Length: 6", "Transfer-Encoding: chunked"], `0\r\n\r\n${SMUGGLED}`)],
  ["TE.CL", post(["Transfer-Encoding: chunked", "Content-Length: 4"], chunked(SMUGGLED))],
  ["CL 0 with TE", post(["Content-Length: 0", "Transfer-Encoding: chunked"], chunked(SMUGGLED))],
  ["CL twice, differing", post(["Content-Length: 0", `Content-Length: ${LENGTH}`], SMUGGLED)],
  ["CL twice, equal", post([`Content-Length: ${LENGTH}`, `Content-Length: ${LENGTH}`], SMUGGLED)],
  ["CL list", post([`Content-Length: ${LENGTH}, ${LENGTH}`], SMUGGLED)],
  ...["+0", "-0", "0x0", "0 0", "1e0", "", "0;", '"0"', "\x0b0", "0_0", "99999999999999999999"].map(
    (length): [string, string] => [`CL ${JSON.stringify(length)}`, post([`Content-Length: ${length}`], SMUGGLED)],
  ),
  ...[
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding : chunked",
    " Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding: chunked\0",
    'Transfer-Encoding: "chunked"',
    "Transfer-Encoding:",
    "Transfer-Encoding\r\n : chunked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    "X: x\nTransfer-Encoding: chunked",
    "X: x\rTransfer-Encoding: chunked",
    "X: x\0\r\nTransfer-Encoding: chunked, x",
    "Transfer-Encoding: chunk\xc4\xb1ed",
  ].map((field): [string, string] => [`TE.TE ${JSON.stringify(field)}`, post([field], chunked(SMUGGLED))]),
  ["TE in HTTP/1.0", post(["Transfer-Encoding: chunked"], chunked(SMUGGLED)).replace("HTTP/1.1", "HTTP/1.0")],
  ["bare LF ends lines", `POST /victim HTTP/1.1\nHost: site.test\n\n${SMUGGLED}`],
  ["folded line", post(["X: a", " Content-Length: 5"], SMUGGLED)],
  ["space before colon", post([`Content-Length : ${LENGTH}`], SMUGGLED)],
  ["two hosts", `GET /victim HTTP/1.1\r\nHost: site.test\r\nHost: other.test\r\n\r\n${SMUGGLED}`],
  ["no host", `GET /victim HTTP/1.1\r\n\r\n${SMUGGLED}`],
  ["HTTP/0.9", `GET /victim\r\n${SMUGGLED}`],
  ["line break in the target", `GET /victim\rX: y HTTP/1.1\r\nHost: site.test\r\n\r\n${SMUGGLED}`],
  ["version with more", `GET /victim HTTP/1.1 HTTP/1.1\r\nHost: site.test\r\n\r\n${SMUGGLED}`],
  ["CONNECT", `CONNECT site.test:80 HTTP/1.1\r\nHost: site.test:80\r\n\r\n${SMUGGLED}`],
  ["HTTP/2 preface", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${SMUGGLED}`],
  ["chunk with bare LF", post(["Transfer-Encoding: chunked"], `0\n\n${SMUGGLED}`)],
  ["chunk extension with LF", post(["Transfer-Encoding: chunked"], `1;\n${LENGTH}\r\nx\r\n0\r\n\r\n${SMUGGLED}`)],
  ["chunk of negative size", post(["Transfer-Encoding: chunked"], `-1\r\nx\r\n0\r\n\r\n${SMUGGLED}`)],
  ["chunk size that overflows", post(["Transfer-Encoding: chunked"], `100000000000000000000\r\n${SMUGGLED}`)],
  ["chunk longer than its size", post(["Transfer-Encoding: chunked"], `1\r\nxyz\r\n0\r\n\r\n${SMUGGLED}`)],
  ["chunk end without CR", post(["Transfer-Encoding: chunked"], `1\r\nx\n0\r\n\r\n${SMUGGLED}`)],
  ["request as trailers", post(["Transfer-Encoding: chunked"], `0\r\n${SMUGGLED}`)],
];

/** What is unusual and clear: forwarded as one request, its content as content. */
const FORWARDED: [name: string, bytes: string, content: string][] = [
  ["CL.0", post([`Content-Length: ${LENGTH}`], SMUGGLED), SMUGGLED],
  ["CL.0 by GET", post([`Content-Length: ${LENGTH}`], SMUGGLED).replace("POST", "GET"), SMUGGLED],
  ["TE.0", post(["Transfer-Encoding: chunked"], chunked(SMUGGLED)), SMUGGLED],
  ["TE.0 by OPTIONS", post(["Transfer-Encoding: Chunked"], chunked(SMUGGLED)).replace("POST", "OPTIONS"), SMUGGLED],
  ["Connection names CL", post(["Connection: Content-Length", `Content-Length: ${LENGTH}`], SMUGGLED), SMUGGLED],
  [
    "Connection names TE and Host",
    post(["Connection: Transfer-Encoding, Host", "Transfer-Encoding: chunked"], chunked(SMUGGLED)),
    SMUGGLED,
  ],
  ["CL with zeroes before it", post([`Content-Length: 000${LENGTH}`], SMUGGLED), SMUGGLED],
  ["underscores", post(["Transfer_Encoding: chunked", `Content-Length: ${LENGTH}`], SMUGGLED), SMUGGLED],
  ["chunk extensions", post(["Transfer-Encoding: chunked"], `5;x="\\"y" ;z\r\nhello\r\n0;q\r\n\r\n`), "hello"],
  [
    "trailers that frame",
    post(["Transfer-Encoding: chunked"], `1\r\nx\r\n0\r\nContent-Length: ${LENGTH}\r\nTransfer-Encoding: x\r\n\r\n`),
    "x",
  ],
  ["Expect with content at once", post(["Expect: 100-continue", `Content-Length: ${LENGTH}`], SMUGGLED), SMUGGLED],
  ["encoded line break in the target", post([], "", "/victim?a=%0d%0aX:%20y"), ""],
  [
    "absolute form with another Host",
    post([], "").replace("/victim", "http://site.test/victim").replace("Host: site", "Host: other"),
    "",
  ],
  ["empty lines before it", `\r\n\r\n${post([], "")}`, ""],
];

function expectOneClean(seen: WireRequest[], content: string): void {
  expect(seen).toHaveLength(1);
  const [request] = seen;
  expect(request?.line).toMatch(/^[A-Z]+ \/victim(\?a=%0d%0aX:%20y)? HTTP\/1\.1$/);
  expect(request?.content).toBe(content);
  const names = request?.fields.map(([name]) => name) ?? [];
  for (const name of ["host", "content-length", "transfer-encoding"]) {
    expect(names.filter((found) => found === name).length).toBeLessThanOrEqual(1);
  }
  expect(names).not.toContain("x");
}

async function stage() {
  const origin = await startRawOrigin();
  const bed = await startTestbed({ origin: origin.port });
  return {
    origin,
    bed,
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

test("a Router refuses every ambiguous HTTP/1.1 request, closes, and sends nothing of it to the origin", async () => {
  await using all = await stage();
  for (const [name, bytes] of REFUSED) {
    using client = await RawClient.open(all.bed.port);
    const answer = await client.send(bytes).send(SMUGGLED).until("closed");
    expect([name, answer.match(/HTTP\/1\.1 \d+/g)]).toEqual([name, [expect.stringMatching(/ (400|501|505)$/)]]);
  }
  expect(all.origin.requests()).toEqual([]);
}, 20_000);

test("a Router forwards unusual HTTP/1.1 requests as exactly one clean request each, however they are cut", async () => {
  await using all = await stage();
  for (const [name, bytes, content] of FORWARDED) {
    for (const size of [bytes.length, 13]) {
      all.origin.clear();
      using client = await RawClient.open(all.bed.port);
      for (let at = 0; at < bytes.length; at += size) {
        client.send(bytes.slice(at, at + size));
        await new Promise((resolve) => setImmediate(resolve));
      }
      const answer = await client.until(/\r\n\r\nok$/);
      expect([name, answer]).toEqual([
        name,
        expect.stringMatching(/^(HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 200 /),
      ]);
      expectOneClean(all.origin.requests(), content);
    }
  }
}, 20_000);

test("a Router whose client leaves in the middle of its content never lets the part pass for the whole", async () => {
  await using all = await stage();
  for (const bytes of [
    post([`Content-Length: ${SMUGGLED.length + 10}`], SMUGGLED),
    post(["Transfer-Encoding: chunked"], chunked(SMUGGLED).slice(0, -5)),
  ]) {
    all.origin.clear();
    const client = await RawClient.open(all.bed.port);
    client.send(bytes);
    await until(() => all.bed.edge.stats.passes > 0, "it is passed on");
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.socket.destroy();
    await until(() => wholeOrCut(all.origin) === 0, "the origin has no whole request");
  }
});

/** How many whole requests the origin has, whatever stands behind them. */
function wholeOrCut(origin: RawOrigin): number {
  try {
    return origin.requests().length;
  } catch {
    return 0;
  }
}

const fields = (...more: string[]) => [
  ":method",
  "POST",
  ":scheme",
  "https",
  ":path",
  "/victim",
  ":authority",
  "site.test",
  ...more,
];
const replaced = (name: string, value: string) => {
  const list = fields();
  list[list.indexOf(name) + 1] = value;
  return list;
};
const data = (content: string) => frameOf(FRAME.data, FLAG.endStream, 1, Buffer.from(content));

/** HTTP/2 requests that would be two, or others, once they are written as HTTP/1.1: [name, header list, content]. */
const HTTP2_ATTACKS: [name: string, list: string[], content: string | undefined][] = [
  ["H2.TE", fields("transfer-encoding", "chunked"), `0\r\n\r\n${SMUGGLED}`],
  ["H2.CL too small", fields("content-length", "0"), SMUGGLED],
  ["H2.CL too large", fields("content-length", "999"), SMUGGLED],
  ["H2.CL without content", fields("content-length", LENGTH), undefined],
  ["CL twice", fields("content-length", "0", "content-length", LENGTH), SMUGGLED],
  ["CL that is no number", fields("content-length", "+0"), SMUGGLED],
  ["CRLF in a value", fields("x", `a\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED}`), ""],
  ["LF in a value", fields("x", "a\nb: c"), ""],
  ["NUL in a value", fields("x", "a\0b"), ""],
  ["CRLF in a name", fields("x: y\r\nz", "a"), ""],
  ["colon in a name", fields("transfer-encoding: chunked", "a"), ""],
  ["space in a name", fields("transfer-encoding ", "chunked"), ""],
  ["upper case name", fields("Transfer-Encoding", "chunked"), ""],
  ["empty name", fields("", "a"), ""],
  ["connection", fields("connection", "x"), ""],
  ["upgrade", fields("upgrade", "websocket"), ""],
  ["te", fields("te", "chunked"), ""],
  ["method with a line", replaced(":method", `GET /smuggled HTTP/1.1\r\nHost: site.test\r\n\r\nPOST`), ""],
  ["method with a space", replaced(":method", "GET /smuggled"), ""],
  ["path with a line", replaced(":path", "/victim HTTP/1.1\r\nX: y\r\n\r\n"), ""],
  ["path with a space", replaced(":path", "/victim HTTP/1.1"), ""],
  ["path without a slash", replaced(":path", "victim"), ""],
  ["path twice", fields(":path", "/smuggled"), ""],
  ["pseudo field last", [...fields("x", "a"), ":path", "/smuggled"], ""],
  ["unknown pseudo field", [":x", "a", ...fields()], ""],
  ["authority with a line", replaced(":authority", "site.test\r\nX: y"), ""],
  ["authority with a user", replaced(":authority", "user@site.test"), ""],
  ["authority and another host", fields("host", "other.test"), ""],
  ["CONNECT with a path", replaced(":method", "CONNECT"), ""],
];

function openHttp2(bed: Awaited<ReturnType<typeof startTestbed>>): Http2Peer {
  const handle: ConstructorParameters<typeof Http2Peer>[0] = async (request) => {
    try {
      return await bed.edge.handle(request);
    } catch (error) {
      return answerOfError(silentLog, error, request);
    }
  };
  return new Http2Peer(handle, {}, true).greet();
}

test("a Router refuses every HTTP/2 request that could become something else as HTTP/1.1", async () => {
  await using all = await stage();
  for (const [name, list, content] of HTTP2_ATTACKS) {
    const peer = openHttp2(all.bed);
    peer.send(headersFrame(1, list, content === undefined));
    if (content !== undefined) peer.send(data(content));
    await until(() => {
      const { resetCode, isEnded } = peer.look().stream(1);
      return resetCode !== undefined || isEnded || peer.state !== "open";
    }, name);
    const { fields: answer } = peer.stream(1);
    expect([name, answer.length === 0 || answer[1] === "400"]).toEqual([name, true]);
    peer.connection.closed();
    await until(() => wholeOrCut(all.origin) === 0, `${name}: the origin has no whole request`);
    all.origin.clear();
  }
});

test("a Router forwards HTTP/2 content as exactly one clean request", async () => {
  await using all = await stage();
  for (const list of [fields(), fields("content-length", LENGTH), fields("te", "trailers", "host", "site.test")]) {
    all.origin.clear();
    const peer = openHttp2(all.bed);
    peer.send(headersFrame(1, list, false), data(SMUGGLED));
    await until(() => peer.look().stream(1).isEnded, "it is answered");
    expect(peer.stream(1).fields.slice(0, 2)).toEqual([":status", "200"]);
    expectOneClean(all.origin.requests(), SMUGGLED);
  }
});
