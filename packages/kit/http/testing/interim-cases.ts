import { expect } from "bun:test";
import type { EdgeRequest } from "../answer.ts";
import { RawClient } from "../raw-client.ts";
import { get, type ListenerCase, text, until } from "./listener-case.ts";

/** Interim answers, trailers, tunnels, and what a listener answers itself. */
export const INTERIM_CASES: readonly ListenerCase[] = [
  {
    name: "sends interim answers before the answer, none to HTTP/1.0 and none after it has begun",
    async run(serve) {
      let seen: EdgeRequest | undefined;
      await using server = await serve(async (request) => {
        request.inform(103, ["Link", "</a.css>; rel=preload"]);
        request.inform(103, ["X", "a\nb"]);
        await new Promise((resolve) => setImmediate(resolve));
        seen = request;
        return text("<x>");
      });
      using client = await RawClient.open(server.port);
      client.send(get("/"));
      const answer = await client.until(/<x>/);
      expect(answer).toStartWith("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n");
      seen?.inform(103, []);
      using old = await RawClient.open(server.port);
      expect(await old.send("GET / HTTP/1.0\r\n\r\n").until("closed")).toStartWith("HTTP/1.1 200 ");
      await client.send(get("/")).until(/<x>[\s\S]*<x>/);
      expect(client.received.match(/ 103 /g)).toHaveLength(2);
    },
  },
  {
    name: "sends trailers after a chunked body, and drops them elsewhere",
    async run(serve) {
      await using server = await serve((request) => {
        async function* body() {
          yield Buffer.from("abc");
        }
        const headers = request.target === "/long" ? ["Content-Length", "3"] : [];
        return { status: 200, headers, body: body(), trailers: () => ["X-Sum", "7", "Content-Length", "9"] };
      });
      using client = await RawClient.open(server.port);
      expect(await client.send(get("/")).until(/0\r\n[\s\S]*\r\n\r\n$/)).toEndWith("3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n");
      expect(await client.send(get("/long")).until(/\r\n\r\nabc$/)).not.toMatch(/X-Sum[\s\S]*X-Sum/);
    },
  },
  {
    name: "becomes a tunnel after 101, whatever comes first, until either end closes",
    async run(serve) {
      let isOver = false;
      await using server = await serve((request) => {
        async function* body() {
          yield Buffer.from("hi ");
          for await (const block of request.body) {
            yield block;
            if (block.includes(33)) return;
          }
          isOver = true;
        }
        return { status: 101, headers: ["Upgrade", "echo"], body: body() };
      });
      const open = get("/", "Connection: Upgrade\r\nUpgrade: echo\r\n");
      using client = await RawClient.open(server.port);
      client.send(`${open}GET early`);
      const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n";
      expect(await client.until(/early/)).toBe(`${head}hi GET early`);
      client.send(" more\r\n\r\n");
      await client.until(/more/);
      expect(await client.send("!").until("closed")).toEndWith("early more\r\n\r\n!");
      using leaving = await RawClient.open(server.port);
      await leaving.send(open).until(/hi /);
      leaving.socket.end();
      await until("the reader sees the end", () => isOver);
    },
  },
  {
    name: "answers 501 to a handler's 101 that nobody has offered to take, and reads on",
    async run(serve) {
      await using server = await serve((request) =>
        request.target === "/x" ? text("<x>") : { status: 101, headers: [], body: null },
      );
      using client = await RawClient.open(server.port);
      client.send(get("/") + get("/x"));
      expect(await client.until(/<x>/)).toStartWith("HTTP/1.1 501 ");
    },
  },
  {
    name: "treats an offer that is not taken up as an ordinary request, and reads what follows as the next one",
    async run(serve) {
      await using server = await serve(async (request) => text(`<${request.target}>`));
      using client = await RawClient.open(server.port);
      client.send(get("/a", "Connection: Upgrade\r\nUpgrade: websocket\r\n") + get("/b"));
      await client.until(/<\/a>[\s\S]*<\/b>/);
    },
  },
  {
    name: "answers OPTIONS * and TRACE itself",
    async run(serve) {
      await using server = await serve(() => text("reached"));
      using client = await RawClient.open(server.port);
      client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nTRACE / HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n");
      const answer = await client.until(/HTTP\/1\.1 501 [\s\S]*\n$/);
      expect(answer).toStartWith("HTTP/1.1 204 ");
      expect(answer).not.toMatch(/reached|secret/);
    },
  },
];
