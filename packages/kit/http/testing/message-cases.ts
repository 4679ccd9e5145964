import { expect } from "bun:test";
import { NesonError } from "../../error.ts";
import { RawClient } from "../raw-client.ts";
import { exchange, get, type ListenerCase, text } from "./listener-case.ts";

/** What a listener makes of requests and of answers that are known whole. */
export const MESSAGE_CASES: readonly ListenerCase[] = [
  {
    name: "gives the handler the raw target, the lower-cased host and every raw header",
    async run(serve) {
      let seen: unknown;
      await using server = await serve((request) => {
        seen = [request.method, request.target, request.host, request.rawHeaders, request.httpVersion];
        return text(request.remoteAddress);
      });
      const answer = await exchange(
        server.port,
        get("/../a/%22/./b?q=%2f#x".replace("#x", ""), "X-A: 1\r\nX-A: 2\r\n"),
      );
      expect(seen).toEqual([
        "GET",
        "/../a/%22/./b?q=%2f",
        "example.com:81",
        ["Host", "Example.COM:81", "X-A", "1", "X-A", "2", "Connection", "close"],
        "1.1",
      ]);
      expect(answer).toEndWith("\r\n\r\n127.0.0.1");
    },
  },
  {
    name: "writes headers verbatim: order, case, duplicates, high bytes and a given Date",
    async run(serve) {
      const headers = ["X-b", "1", "Set-Cookie", "a=1", "set-cookie", "b=2", "X-High", "caf\xe9"];
      headers.push("Date", "Thu, 01 Jan 1970 00:00:00 GMT");
      await using server = await serve(() => text("ok", headers));
      const answer = await exchange(server.port, get("/"));
      expect(answer).toMatch(
        /^HTTP\/1\.1 200 OK\r\nX-b: 1\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-High: caf\xe9\r\n/i,
      );
      expect(answer.match(/date: /gi)).toHaveLength(1);
      expect(answer).toContain("Content-Length: 2\r\n");
      expect(answer).not.toMatch(/content-type/i);
    },
  },
  {
    name: "answers HEAD with the given Content-Length and no body",
    async run(serve) {
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
    },
  },
  {
    name: "gives an answer without body a Content-Length of 0, and 204 and 304 none",
    async run(serve) {
      await using server = await serve((request) => ({
        status: Number(request.target.slice(1)),
        headers: [],
        body: null,
      }));
      expect(await exchange(server.port, get("/307"))).toContain("Content-Length: 0\r\n");
      expect(await exchange(server.port, get("/200"))).toContain("Content-Length: 0\r\n");
      expect(await exchange(server.port, get("/204"))).not.toMatch(/content-length|transfer-encoding/i);
      expect(await exchange(server.port, get("/304"))).not.toMatch(/content-length|transfer-encoding/i);
    },
  },
  {
    name: "answers pipelined requests in order on one connection",
    async run(serve) {
      await using server = await serve(async (request) => {
        if (request.target === "/slow") await new Promise((resolve) => setTimeout(resolve, 30));
        return text(request.target);
      });
      using client = await RawClient.open(server.port);
      client.send(get("/slow") + get("/b") + get("/c"));
      const answer = await client.until(/\/c$/);
      expect(answer.match(/\r\n\r\n\/[a-z]+/g)).toEqual(["\r\n\r\n/slow", "\r\n\r\n/b", "\r\n\r\n/c"]);
    },
  },
  {
    name: "turns an absolute-form target into origin-form, its authority replacing Host",
    async run(serve) {
      await using server = await serve((request) => text(`${request.host} ${request.target}`));
      const form = (target: string) => exchange(server.port, `GET ${target} HTTP/1.1\r\nHost: other\r\n\r\n`);
      expect(await form("http://B.Example:8080/p/../q?r=%22")).toEndWith("\r\n\r\nb.example:8080 /p/../q?r=%22");
      expect(await form("HTTPS://b.example")).toEndWith("\r\n\r\nb.example /");
      expect(await form("http://b.example?x")).toEndWith("\r\n\r\nb.example /?x");
      expect(await form("http://[::1]:8080/x")).toEndWith("\r\n\r\n[::1]:8080 /x");
    },
  },
  {
    name: "serves HTTP/1.0 without Host, with host empty",
    async run(serve) {
      await using server = await serve((request) => text(`<${request.host}>`));
      expect(await exchange(server.port, "GET / HTTP/1.0\r\n\r\n")).toEndWith("\r\n\r\n<>");
    },
  },
  {
    name: "treats an Upgrade request as an ordinary one",
    async run(serve) {
      await using server = await serve(() => text("plain"));
      using client = await RawClient.open(server.port);
      client.send(get("/", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
      expect(await client.until(/plain/)).toStartWith("HTTP/1.1 200 ");
    },
  },
  {
    name: "answers a thrown error by its fault, telling only callers why",
    async run(serve) {
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
    },
  },
  {
    name: "answers 500 when a header cannot be written",
    async run(serve) {
      await using server = await serve(() => text("x", ["X-Bad", "a\nb"]));
      expect(await exchange(server.port, get("/"))).toStartWith("HTTP/1.1 500 ");
    },
  },
];
