import { expect } from "bun:test";
import { NesonError } from "../../error.ts";
import { RawClient } from "../raw-client.ts";
import { get, type ListenerCase, text, until } from "./listener-case.ts";

/** What a listener refuses, which deadlines it keeps, and how it starts and stops. */
export const REFUSAL_CASES: readonly ListenerCase[] = [
  {
    name: "refuses what RFC 9112 section 3.2 forbids with 400",
    async run(serve) {
      let handled = 0;
      await using server = await serve(() => {
        handled++;
        return text("reached");
      });
      const bad = [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://user:secret@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GARBAGE\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      ];
      for (const request of bad) {
        using client = await RawClient.open(server.port);
        expect([request, (await client.send(request).until("closed")).slice(0, 12)]).toEqual([request, "HTTP/1.1 400"]);
      }
      expect(handled).toBe(0);
    },
  },
  {
    name: "answers an oversized header section 431 and CONNECT 501",
    async run(serve) {
      await using server = await serve(() => text("reached"), { maxHeaderBytes: 4096 });
      const big = await RawClient.open(server.port);
      expect(await big.send(get("/", `X-Big: ${"b".repeat(5000)}\r\n`)).until("closed")).toStartWith("HTTP/1.1 431 ");
      const connect = await RawClient.open(server.port);
      const answer = await connect.send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n").until("closed");
      expect(answer).toStartWith("HTTP/1.1 501 ");
    },
  },
  {
    name: "ends a connection that does not finish its header section in time",
    async run(serve) {
      await using server = await serve(() => text("reached"), { headersMs: 300 });
      using slow = await RawClient.open(server.port);
      expect(await slow.send("GET / HTTP/1.1\r\nHo").until("closed")).toStartWith("HTTP/1.1 408 ");
    },
  },
  {
    name: "ends a connection that sends nothing, and one that stays idle",
    async run(serve) {
      await using server = await serve(() => text("x"), { headersMs: 300, keepAliveMs: 300 });
      using silent = await RawClient.open(server.port);
      using idle = await RawClient.open(server.port);
      idle.send(get("/"));
      await Promise.all([silent.until("closed"), idle.until("closed")]);
      expect(idle.received).toEndWith("x");
    },
  },
  {
    name: "names the port when another program listens there",
    async run(serve) {
      await using server = await serve(() => text("x"));
      const second = serve(() => text("y"), { port: server.port });
      const error = await second.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(NesonError);
      expect(error).toMatchObject({ code: "port-in-use", fault: "operator" });
      expect(String(error)).toContain(`127.0.0.1:${server.port}`);
    },
  },
  {
    name: "stop() refuses new connections and lets an open transfer finish",
    async run(serve) {
      const gate = Promise.withResolvers<void>();
      async function* body() {
        yield Buffer.from("abc");
        await gate.promise;
        yield Buffer.from("def");
      }
      const server = await serve(() => ({ status: 200, headers: ["Content-Length", "6"], body: body() }), {
        graceMs: 5000,
      });
      using client = await RawClient.open(server.port);
      client.send(get("/"));
      await client.until(/abc$/);
      const stopping = server.stop();
      expect(
        await RawClient.open(server.port).then(
          () => "accepted",
          () => "refused",
        ),
      ).toBe("refused");
      gate.resolve();
      expect(await client.until("closed")).toEndWith("abcdef");
      await stopping;
      await server.stop();
    },
  },
  {
    name: "stop() cuts what is still open after the grace period",
    async run(serve) {
      const sent: [number, boolean][] = [];
      const server = await serve(
        () => ({ status: 200, headers: [], body: new Uint8Array(50 << 20), sent: (...args) => sent.push(args) }),
        { graceMs: 50 },
      );
      using client = await RawClient.open(server.port);
      client.socket.pause();
      client.send(get("/"));
      await until("the transfer is open", () => server.openTransfers() === 1);
      await server.stop();
      await until("sent is called", () => sent.length > 0);
      expect(sent[0]?.[1]).toBe(false);
    },
  },
];
