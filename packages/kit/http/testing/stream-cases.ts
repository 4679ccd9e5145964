import { expect } from "bun:test";
import { NesonError } from "../../error.ts";
import { RawClient } from "../raw-client.ts";
import { exchange, get, type ListenerCase, text, until } from "./listener-case.ts";

/** How a listener sends bodies that come in blocks, and what it does when the source or the client breaks off. */
export const STREAM_CASES: readonly ListenerCase[] = [
  {
    name: "streams with the exact Content-Length, and calls sent once with every byte",
    async run(serve) {
      const sent: [number, boolean][] = [];
      async function* body() {
        for (let i = 0; i < 40; i++) yield new Uint8Array(100_000).fill(65 + (i % 26));
      }
      await using server = await serve(() => ({
        status: 200,
        headers: ["Content-Length", "4000000"],
        body: body(),
        sent: (...args) => sent.push(args),
      }));
      const answer = await exchange(server.port, get("/"));
      expect(answer).not.toMatch(/transfer-encoding/i);
      expect(answer.length - answer.indexOf("\r\n\r\n") - 4).toBe(4_000_000);
      await until("sent is called", () => sent.length > 0);
      expect(sent).toEqual([[4_000_000, true]]);
      expect(server.openTransfers()).toBe(0);
    },
  },
  {
    name: "tells how far a long body has got while it goes on, never more than sent tells at its end",
    async run(serve) {
      const seen: number[] = [];
      const sent: number[] = [];
      async function* body() {
        for (let i = 0; i < 20; i++) {
          await new Promise((resolve) => setTimeout(resolve, 60));
          yield new Uint8Array(1000);
        }
      }
      await using server = await serve(() => ({
        status: 200,
        headers: ["Content-Length", "20000"],
        body: body(),
        progress: (bytes) => seen.push(bytes),
        sent: (bytes) => sent.push(bytes),
      }));
      await exchange(server.port, get("/"));
      await until("sent is called", () => sent.length > 0);
      expect(seen.length).toBeGreaterThan(0);
      expect(seen).toEqual([...seen].sort((a, b) => a - b));
      expect(seen[0]).toBeLessThan(20_000);
      expect([seen.at(-1) ?? 0, ...sent].every((bytes) => bytes <= 20_000)).toBe(true);
      expect(sent).toEqual([20_000]);
    },
  },
  {
    name: "streams a body of unknown length chunked, to HTTP/1.0 until close",
    async run(serve) {
      async function* body() {
        yield Buffer.from("abc");
        yield new Uint8Array(0);
        yield Buffer.from("def");
      }
      await using server = await serve(() => ({ status: 200, headers: [], body: body() }));
      expect(await exchange(server.port, get("/"))).toEndWith("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
      expect(await exchange(server.port, "GET / HTTP/1.0\r\n\r\n")).toEndWith("\r\n\r\nabcdef");
    },
  },
  {
    name: "pulls a stream no faster than the client takes it",
    async run(serve) {
      let pulled = 0;
      async function* body() {
        for (; pulled < 200; pulled++) yield new Uint8Array(1 << 20);
      }
      await using server = await serve(() => ({
        status: 200,
        headers: ["Content-Length", String(200 << 20)],
        body: body(),
      }));
      using client = await RawClient.open(server.port);
      client.socket.pause();
      client.send(get("/"));
      await until("the stream was started", () => pulled > 0);
      let before = -1;
      await until("pulling stops", () => {
        const still = pulled === before;
        before = pulled;
        return still && pulled > 1;
      });
      expect(pulled).toBeLessThan(40);
      expect(server.openTransfers()).toBe(1);
    },
  },
  ...(["stream", "bytes"] as const).map(
    (kind): ListenerCase => ({
      name: `calls sent once with what the kernel took when the client leaves a ${kind} body`,
      async run(serve) {
        const sent: [number, boolean][] = [];
        let returned = 0;
        let signal: AbortSignal | undefined;
        async function* body() {
          try {
            for (let i = 0; i < 50; i++) yield new Uint8Array(1 << 20);
          } finally {
            returned++;
          }
        }
        await using server = await serve((request) => {
          signal = request.signal;
          return {
            status: 200,
            headers: ["Content-Length", String(50 << 20)],
            body: kind === "stream" ? body() : new Uint8Array(50 << 20),
            sent: (...args) => sent.push(args),
          };
        });
        using client = await RawClient.open(server.port);
        client.socket.once("data", () => client.socket.pause());
        client.send(get("/"));
        await until("bytes arrive", () => client.received.length > 0);
        expect(sent).toEqual([]);
        client.socket.resetAndDestroy();
        await until("sent is called", () => sent.length > 0);
        await until("the iterator is returned", () => returned === (kind === "stream" ? 1 : 0));
        expect(sent).toHaveLength(1);
        const [bytes, complete] = sent[0] ?? [0, true];
        expect(complete).toBe(false);
        expect(bytes).toBeGreaterThan(60_000);
        expect(bytes).toBeLessThan(20 << 20);
        await until("the signal aborts", () => signal?.aborted === true);
        expect(server.openTransfers()).toBe(0);
      },
    }),
  ),
  {
    name: "returns an iterator that waits for its source when the client leaves",
    async run(serve) {
      let returned = false;
      const waiting = Promise.withResolvers<IteratorResult<Uint8Array>>();
      const body: AsyncIterable<Uint8Array> = {
        [Symbol.asyncIterator]: () => ({
          next: () => waiting.promise,
          return: async () => {
            returned = true;
            waiting.resolve({ done: true, value: undefined });
            return { done: true, value: undefined };
          },
        }),
      };
      const sent: [number, boolean][] = [];
      await using server = await serve(() => ({ status: 200, headers: [], body, sent: (...args) => sent.push(args) }));
      using client = await RawClient.open(server.port);
      client.send(get("/"));
      await until("the request is open", () => server.openTransfers() === 1);
      client.socket.destroy();
      await until("the iterator is returned", () => returned);
      expect(sent).toEqual([[0, false]]);
    },
  },
  {
    name: "counts nothing for a client that left before its answer",
    async run(serve) {
      const gate = Promise.withResolvers<void>();
      const sent: [number, boolean][] = [];
      let signal: AbortSignal | undefined;
      await using server = await serve(async (request) => {
        signal = request.signal;
        await gate.promise;
        return { ...text("late"), sent: (...args) => sent.push(args) };
      });
      using client = await RawClient.open(server.port);
      client.send(get("/"));
      await until("the handler runs", () => signal !== undefined);
      client.socket.destroy();
      await until("the signal aborts", () => signal?.aborted === true);
      gate.resolve();
      await until("sent is called", () => sent.length > 0);
      expect(sent).toEqual([[0, false]]);
    },
  },
  ...(
    [
      ["throws midway", 10, true],
      ["ends short of its Content-Length", 10, false],
    ] as const
  ).map(
    ([what, length, fails]): ListenerCase => ({
      name: `cuts the connection when a stream ${what}`,
      async run(serve) {
        const sent: [number, boolean][] = [];
        async function* body() {
          yield Buffer.from("abc");
          if (fails) throw new NesonError("origin-reset", "origin went away", { fault: "peer" });
        }
        await using server = await serve(() => ({
          status: 200,
          headers: ["Content-Length", String(length)],
          body: body(),
          sent: (...args) => sent.push(args),
        }));
        using client = await RawClient.open(server.port);
        const answer = await client.send(get("/")).until("closed");
        expect(answer.split("\r\n\r\n")[1] ?? "").toBe("abc");
        expect(sent).toHaveLength(1);
        expect(sent[0]?.[1]).toBe(false);
      },
    }),
  ),
  ...(
    [
      ["fails before its first block", "502", true],
      ["exceeds its Content-Length with its first block", "500", false],
    ] as const
  ).map(
    ([what, status, fails]): ListenerCase => ({
      name: `answers ${status} and goes on when a stream ${what}`,
      async run(serve) {
        const sent: [number, boolean][] = [];
        async function* body() {
          if (fails) throw new NesonError("origin-reset", "10.0.0.7 went away", { fault: "peer" });
          yield Buffer.from("abc");
        }
        await using server = await serve(({ target }) =>
          target === "/next"
            ? text("next")
            : {
                ...{ status: 200, headers: ["Content-Length", "2", "ETag", '"e"'], body: body() },
                sent: (...args) => sent.push(args),
              },
        );
        using client = await RawClient.open(server.port);
        const answer = await client.send(get("/") + get("/next")).until(/next$/);
        expect(answer).toStartWith(`HTTP/1.1 ${status} `);
        expect(answer).not.toContain("10.0.0.7");
        expect(answer.match(/ETag/g)).toBeNull();
        expect(sent).toEqual([[0, false]]);
      },
    }),
  ),
  {
    name: "never ends a broken chunked body with its last chunk",
    async run(serve) {
      async function* body() {
        yield Buffer.from("abc");
        throw new Error("gone");
      }
      await using server = await serve(() => ({ status: 200, headers: [], body: body() }));
      using client = await RawClient.open(server.port);
      expect(await client.send(get("/")).until("closed")).not.toContain("\r\n0\r\n");
    },
  },
  {
    name: "cuts off a client that takes no byte for the stall limit",
    async run(serve) {
      const sent: [number, boolean][] = [];
      await using server = await serve(
        () => ({ status: 200, headers: [], body: new Uint8Array(50 << 20), sent: (...args) => sent.push(args) }),
        { stallMs: 300 },
      );
      using client = await RawClient.open(server.port);
      client.socket.pause();
      client.send(get("/"));
      await until("the transfer is cut", () => sent.length > 0);
      expect(sent[0]?.[1]).toBe(false);
    },
  },
  {
    name: "never times out a slow handler or a slow source",
    async run(serve) {
      async function* body() {
        for (let i = 0; i < 4; i++) {
          await new Promise((resolve) => setTimeout(resolve, 300));
          yield Buffer.from(`<${i}>`);
        }
      }
      await using server = await serve(
        async () => {
          await new Promise((resolve) => setTimeout(resolve, 500));
          return { status: 200, headers: ["Content-Length", "12"], body: body() };
        },
        { headersMs: 200, keepAliveMs: 200, stallMs: 200 },
      );
      expect(await exchange(server.port, get("/"))).toEndWith("<0><1><2><3>");
    },
  },
];
