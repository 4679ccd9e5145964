import { expect } from "bun:test";
import type { EdgeRequest } from "../answer.ts";
import { RawClient } from "../raw-client.ts";
import { get, type ListenerCase, text, until } from "./listener-case.ts";

/** A POST's header section; `extra` are whole field lines. */
function post(target: string, extra: string): string {
  return `POST ${target} HTTP/1.1\r\nHost: a\r\n${extra}\r\n`;
}

async function contentOf(request: EdgeRequest): Promise<string> {
  let content = "";
  for await (const block of request.body) content += Buffer.from(block).toString("latin1");
  return content;
}

/** What a listener makes of requests with content. */
export const CONTENT_CASES: readonly ListenerCase[] = [
  {
    name: "hands over content of a given length and chunked, whatever the reads, and answers what is pipelined behind it",
    async run(serve) {
      await using server = await serve(async (request) => text(`<${request.method} ${await contentOf(request)}>`));
      const requests = [
        `${post("/", "Content-Length: 5\r\n")}hello`,
        `${post("/", "Transfer-Encoding: chunked\r\n")}3;a=b\r\nabc\r\n00A ; x\r\n0123456789\r\n0\r\n\r\n`,
        get("/"),
        `${post("/", "Content-Length: 0\r\n")}`,
        `${post("/", "Transfer-Encoding: chunked\r\n")}0\r\n\r\n`,
      ].join("");
      const expected = ["<POST hello>", "<POST abc0123456789>", "<GET >", "<POST >", "<POST >"];
      for (const size of [requests.length, 1, 7]) {
        using client = await RawClient.open(server.port);
        for (let at = 0; at < requests.length; at += size) {
          client.send(requests.slice(at, at + size));
          if (size < 10) await new Promise((resolve) => setImmediate(resolve));
        }
        await until("all are answered", () => (client.received.match(/<.*?>/g) ?? []).length === expected.length);
        expect([...(client.received.match(/<.*?>/g) ?? [])]).toEqual(expected);
      }
    },
  },
  {
    name: "gives the trailers once the content was read, without those that have no place there",
    async run(serve) {
      await using server = await serve(async (request) => {
        const before = request.trailers();
        await contentOf(request);
        return text(JSON.stringify([before, request.trailers()]));
      });
      using client = await RawClient.open(server.port);
      client.send(`${post("/", "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n")}1\r\na\r\n0\r\n`);
      client.send("X-Sum: 7\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nAuthorization: x\r\n\r\n");
      expect(await client.until(/\]\]$/)).toEndWith('[[],["X-Sum","7"]]');
    },
  },
  {
    name: "refuses chunked content by which two readers could see two messages, and closes",
    async run(serve) {
      const read: string[] = [];
      await using server = await serve(async (request) => {
        const content = await contentOf(request);
        read.push(content);
        return text("reached");
      });
      const bad = [
        "3\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "-1\r\nabc\r\n0\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabcXX0\r\n\r\n",
        "3;a\nb\r\nabc\r\n0\r\n\r\n",
        "3;a\0b\r\nabc\r\n0\r\n\r\n",
        "3\rabc\r\n0\r\n\r\n",
        "10000000000000003\r\nabc\r\n0\r\n\r\n",
        `3;${"x".repeat(2000)}\r\nabc\r\n0\r\n\r\n`,
        `${"1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\na\r\n".repeat(600)}0\r\n\r\n`,
        "0\r\nX : y\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\n folded\r\n\r\n",
        "0\r\nX: a\0b\r\n\r\n",
        "0\r\nGET / HTTP/1.1\r\n\r\n",
        `0\r\nX: ${"y".repeat(20_000)}\r\n\r\n`,
        `0\r\n${"X: y\r\n".repeat(257)}\r\n`,
      ];
      for (const content of bad) {
        using client = await RawClient.open(server.port);
        client.send(`${post("/", "Transfer-Encoding: chunked\r\n")}${content}${get("/smuggled")}`);
        const answer = await client.until("closed");
        expect([content.slice(0, 20), answer.slice(0, 12)]).toEqual([content.slice(0, 20), "HTTP/1.1 400"]);
        expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
      }
      expect(read).toEqual([]);
    },
  },
  {
    name: "answers Expect: 100-continue only when the content is read, and closes when it never is",
    async run(serve) {
      const gate = Promise.withResolvers<void>();
      await using server = await serve(async (request) => {
        if (request.target === "/no") return text("unread");
        await gate.promise;
        return text(`<${await contentOf(request)}>`);
      });
      using client = await RawClient.open(server.port);
      client.send(post("/", "Content-Length: 3\r\nExpect: 100-continue\r\n"));
      await until("it is open", () => server.openTransfers() === 1);
      expect(client.received).toBe("");
      gate.resolve();
      expect(await client.until(/100 Continue\r\n\r\n/)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
      await client.send("abc").until(/<abc>$/);
      client.send(post("/no", "Content-Length: 3\r\nExpect: 100-continue\r\n"));
      expect(await client.until("closed")).toMatch(/<abc>HTTP\/1\.1 200 [\s\S]*Connection: close\r\n[\s\S]*unread$/);
    },
  },
  {
    name: "reads a little unread content away and keeps the connection, and closes instead of reading much",
    async run(serve) {
      await using server = await serve((request) => text(`<${request.target}>`));
      using client = await RawClient.open(server.port);
      client.send(post("/a", "Content-Length: 100000\r\n"));
      await client.until(/<\/a>/);
      for (let i = 0; i < 10; i++) client.send("x".repeat(10_000));
      client.send(`${post("/b", "Transfer-Encoding: chunked\r\n")}1\r\na\r\n`);
      await client.until(/<\/b>/);
      client.send(`0\r\n\r\n${get("/c")}`);
      expect(await client.until(/<\/c>/)).not.toMatch(/connection: close/i);
      client.send(post("/d", "Content-Length: 100000000\r\n"));
      expect(await client.until("closed")).toMatch(/Connection: close\r\n[\s\S]*<\/d>$/);
      using endless = await RawClient.open(server.port);
      endless.send(post("/e", "Transfer-Encoding: chunked\r\n"));
      for (let i = 0; i < 8; i++) endless.send(`10000\r\n${"x".repeat(65_536)}\r\n`);
      expect(await endless.until("closed")).toEndWith("</e>");
    },
  },
  {
    name: "takes content no faster than it is read",
    async run(serve) {
      let readBytes = 0;
      const gate = Promise.withResolvers<void>();
      await using server = await serve(async (request) => {
        for await (const block of request.body) {
          readBytes += block.length;
          if (readBytes < 10 << 20) await gate.promise;
        }
        return text(`<${readBytes}>`);
      });
      using client = await RawClient.open(server.port);
      client.send(post("/", `Content-Length: ${50 << 20}\r\n`));
      let taken = 0;
      const block = Buffer.alloc(1 << 20);
      for (let i = 0; i < 50; i++)
        client.socket.write(block, () => {
          taken += 1;
        });
      await until("reading began", () => readBytes > 0);
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(taken).toBeLessThan(20);
      gate.resolve();
      expect(await client.until(/<\d+>$/, 10_000)).toEndWith(`<${50 << 20}>`);
    },
  },
  {
    name: "tells a reader that the client left before the end of its content",
    async run(serve) {
      let failure: unknown;
      let signal: AbortSignal | undefined;
      await using server = await serve(async (request) => {
        signal = request.signal;
        await contentOf(request).catch((error: unknown) => {
          failure = error;
        });
        return text("late");
      });
      using client = await RawClient.open(server.port);
      client.send(`${post("/", "Content-Length: 10\r\n")}abc`);
      await until("it is open", () => server.openTransfers() === 1);
      client.socket.destroy();
      await until("the reader is told", () => failure !== undefined);
      expect(failure).toMatchObject({ code: "request-cut-short", fault: "caller" });
      await until("the signal aborts", () => signal?.aborted === true);
    },
  },
  {
    name: "ends a request whose content stops or trickles with 408, and leaves a slow reader its time",
    async run(serve) {
      await using server = await serve(
        async (request) => {
          if (request.target === "/slow") await new Promise((resolve) => setTimeout(resolve, 1500));
          return text(`<${(await contentOf(request)).length}>`);
        },
        { contentMs: 500 },
      );
      using stopped = await RawClient.open(server.port);
      stopped.send(`${post("/", "Content-Length: 10\r\n")}abc`);
      using trickling = await RawClient.open(server.port);
      trickling.send(post("/", "Content-Length: 100000\r\n"));
      const drip = setInterval(() => trickling.send("x"), 50);
      using slow = await RawClient.open(server.port);
      slow.send(`${post("/slow", "Content-Length: 300000\r\n")}${"x".repeat(300_000)}`);
      expect(await stopped.until("closed")).toStartWith("HTTP/1.1 408 ");
      expect(await trickling.until("closed")).toStartWith("HTTP/1.1 408 ");
      clearInterval(drip);
      expect(await slow.until(/>$/)).toEndWith("<300000>");
    },
  },
];
