import { expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { Tunnel } from "./tunnel.ts";

/** A client that says nothing and stays. */
const SILENT: AsyncIterable<Uint8Array> = {
  [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }),
};

test("Tunnel ends without failure when neither side says anything for long", async () => {
  const socket = new PassThrough();
  const blocks = new Tunnel({ socket, head: Buffer.from("hi"), name: "o.test" }, { idleMs: 50 })
    .join(SILENT)
    [Symbol.asyncIterator]();
  expect((await blocks.next()).value?.toString()).toBe("hi");
  expect(await blocks.next()).toEqual({ done: true, value: undefined });
  expect(socket.destroyed).toBe(true);
});

test("Tunnel tells a failure of the origin from its end", async () => {
  const socket = new PassThrough();
  const tunnel = new Tunnel({ socket, head: new Uint8Array(0), name: "o.test" }, { idleMs: 10_000 });
  const reading = tunnel.join(SILENT)[Symbol.asyncIterator]().next();
  socket.destroy(new Error("reset"));
  const error: unknown = await reading.catch((caught) => caught);
  expect(error).toMatchObject({ code: "origin-cut-short", fault: "peer" });
  await tunnel.over;
});

test("Tunnel that nobody reads frees its connection", async () => {
  const socket = new PassThrough();
  const tunnel = new Tunnel({ socket, head: new Uint8Array(0), name: "o.test" }, { idleMs: 10_000 });
  await tunnel.join(SILENT)[Symbol.asyncIterator]().return?.();
  await tunnel.over;
  expect(socket.destroyed).toBe(true);
});
