import { expect, test } from "bun:test";
import fc from "fast-check";
import { mayBecomeHead, parseHead } from "./http1-head.ts";

const statusOf = (text: string) => {
  const head = parseHead(text);
  return "status" in head ? head.status : 200;
};
const withFields = (...lines: string[]) =>
  `GET / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

test("parseHead() reads method, target, host and fields as they came", () => {
  expect(
    parseHead("GET /a//../%2F?q=%22 HTTP/1.1\r\nHOST: A.b:8\r\nX-a:  1\t \r\nx-A:\r\nX-High: \xe9\r\n\r\n"),
  ).toEqual({
    method: "GET",
    target: "/a//../%2F?q=%22",
    host: "a.b:8",
    rawHeaders: ["HOST", "A.b:8", "X-a", "1", "x-A", "", "X-High", "\xe9"],
    httpVersion: "1.1",
    keepsAlive: true,
    content: 0,
    expectsContinue: false,
    offersUpgrade: false,
  });
});

test("parseHead() keeps the connection as RFC 9112 section 9.3 says", () => {
  const keeps = (version: string, ...lines: string[]) => {
    const head = parseHead(withFields(...lines).replace("HTTP/1.1", `HTTP/${version}`));
    return "keepsAlive" in head && head.keepsAlive;
  };
  expect(keeps("1.1")).toBe(true);
  expect(keeps("1.1", "Connection: Close")).toBe(false);
  expect(keeps("1.1", "Connection: keep-alive, close")).toBe(false);
  expect(keeps("1.1", "Connection: upgrade", "Upgrade: websocket")).toBe(true);
  expect(keeps("1.0")).toBe(false);
  expect(keeps("1.0", "Connection: Keep-Alive")).toBe(true);
  expect(keeps("1.0", "Connection: x", "Connection: keep-alive")).toBe(true);
});

test("parseHead() refuses everything by which two readers could see two messages", () => {
  const bad = [
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
    " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "GET / http/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "GET /\r\nHost: a\r\n\r\n",
    "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
    withFields("Content-Length : 5"),
    withFields(" Content-Length: 5"),
    withFields("X: a", " folded"),
    withFields("X: a", "\tfolded"),
    withFields("X: a\rContent-Length: 5"),
    withFields("X: a\nContent-Length: 5"),
    withFields("X: a\0b"),
    withFields("X: a\x1bb"),
    withFields("X\0: a"),
    withFields("X\xe9: a"),
    withFields("X"),
    withFields(": a"),
    withFields("Host: b"),
    withFields("Content-Length: 5", "Transfer-Encoding: chunked"),
    withFields("Content-Length: 0", "Transfer-Encoding: chunked"),
    withFields("Content-Length: 5", "Content-Length: 5"),
    withFields("Content-Length: 0", "content-length: 0"),
    withFields("Content-Length: 5, 5"),
    withFields("Content-Length: +5"),
    withFields("Content-Length: -0"),
    withFields("Content-Length: 0x0"),
    withFields("Content-Length: 0 0"),
    withFields("Content-Length:"),
    withFields("Content-Length: 99999999999999999999"),
    withFields("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    withFields("Transfer-Encoding: xchunked"),
    withFields("Transfer-Encoding: identity"),
    withFields("Transfer-Encoding: chunked, identity"),
    withFields("Transfer-Encoding:\x0bchunked"),
    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
  ];
  for (const text of bad) expect([text, statusOf(text)]).toEqual([text, 400]);
});

test("parseHead() says how the content is framed", () => {
  const contentOf = (...lines: string[]) => {
    const head = parseHead(withFields(...lines));
    return "content" in head ? [head.content, head.expectsContinue] : head.line;
  };
  expect(contentOf()).toEqual([0, false]);
  expect(contentOf("Content-Length: 0", "Expect: 100-continue")).toEqual([0, false]);
  expect(contentOf("Content-Length: 0005")).toEqual([5, false]);
  expect(contentOf("Transfer-Encoding: Chunked")).toEqual(["chunked", false]);
  expect(contentOf("Content-Length: 5", "Expect: 100-Continue")).toEqual([5, true]);
  expect(contentOf("Content-Length: 5", "Expect: 200-ok")).toEqual([5, false]);
  expect(contentOf("Content-Length: 1234567890123456")).toContain("not a number");
});

test("parseHead() sees an offer to change the protocol, but none of HTTP itself", () => {
  const offers = (...lines: string[]) => {
    const head = parseHead(withFields(...lines));
    return "offersUpgrade" in head && head.offersUpgrade;
  };
  expect(offers("Connection: keep-alive, Upgrade", "Upgrade: websocket")).toBe(true);
  expect(offers("Upgrade: websocket")).toBe(false);
  expect(offers("Connection: upgrade")).toBe(false);
  expect(offers("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")).toBe(false);
  expect(offers("Connection: upgrade", "Upgrade: websocket", "Content-Length: 1")).toBe(false);
});

test("parseHead() refuses CONNECT, other versions and too many fields by name", () => {
  expect(statusOf("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")).toBe(501);
  expect(statusOf("PRI * HTTP/2.0\r\n\r\n")).toBe(505);
  expect(statusOf("GET / HTTP/1.2\r\nHost: a\r\n\r\n")).toBe(505);
  expect(statusOf(withFields(...Array.from({ length: 255 }, (_none, i) => `x${i}: ${i}`)))).toBe(200);
  expect(statusOf(withFields(...Array.from({ length: 256 }, (_none, i) => `x${i}: ${i}`)))).toBe(431);
});

test("parseHead() never throws, and takes no field that has a line break in it", () => {
  const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
  const odd = fc.constantFrom("\r\n", "\r", "\n", ":", " ", "Content-Length", "Host: a", "\0", "GET / HTTP/1.1");
  fc.assert(
    fc.property(fc.array(fc.oneof(byte, odd), { maxLength: 60 }), (parts) => {
      for (const start of ["", "GET / HTTP/1.1\r\nHost: a\r\n"]) {
        const head = parseHead(`${start}${parts.join("")}\r\n\r\n`);
        if ("rawHeaders" in head) expect(head.rawHeaders.join("")).not.toMatch(/[\r\n\0]/);
      }
    }),
    { numRuns: 2000 },
  );
});

test("mayBecomeHead() is true for every part of a header section, and false for what cannot become one", () => {
  const whole = withFields("X: a", "Y: b");
  for (let end = 1; end < whole.length; end++) {
    expect(mayBecomeHead(whole.slice(0, end), true)).toBe(true);
    expect(mayBecomeHead(whole.slice(end - 1), false)).toBe(true);
  }
  expect(mayBecomeHead("\r", true)).toBe(true);
  expect(mayBecomeHead("\x16\x03\x01", true)).toBe(false);
  expect(mayBecomeHead("GET / HTTP/1.1\nHost", true)).toBe(false);
  expect(mayBecomeHead("a\nb", false)).toBe(false);
});
