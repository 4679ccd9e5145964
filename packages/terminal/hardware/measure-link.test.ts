import { expect, test } from "bun:test";
import { until } from "../testing/until.ts";
import { measureDown, measureUp } from "./measure-link.ts";

const NEVER = new AbortController().signal;

/** A server that answers in its own way, and bounds of a measurement against it. */
function serve(answer: (request: Request) => Response | Promise<Response>, maxMs = 400) {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  const bounds = { url: `${server.url}`, maxBytes: 2_000_000, maxMs, signal: NEVER };
  return { bounds, [Symbol.asyncDispose]: () => server.stop(true) };
}

function stalling(bytes: number): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes > 0) controller.enqueue(new Uint8Array(bytes));
    },
  });
}

test("measureDown() counts what came within its time when the body stalls", async () => {
  await using server = serve(() => new Response(stalling(100_000)));
  const startMs = performance.now();
  const rate = await measureDown(server.bounds, fetch);
  expect(performance.now() - startMs).toBeLessThan(3000);
  expect(rate).toBeGreaterThan(30_000);
  expect(rate).toBeLessThanOrEqual(250_000);
});

test("measureDown() lets go of an endless body once it has what was granted", async () => {
  let isOver = false;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(new Uint8Array(65_536));
        await Bun.sleep(0);
      },
      cancel() {
        isOver = true;
      },
    });
  await using server = serve(() => new Response(endless()), 60_000);
  expect(await measureDown(server.bounds, fetch)).toBeGreaterThan(0);
  await until("the body is let go", () => isOver);
});

test("measureDown() gives no figure when nothing came, or the Router does not let it", async () => {
  await using silent = serve(() => new Response(stalling(0)), 200);
  await expect(measureDown(silent.bounds, fetch)).rejects.toThrow("sent nothing within 200 ms");
  await using refusing = serve(() => new Response("no", { status: 403 }));
  await expect(measureDown(refusing.bounds, fetch)).rejects.toThrow("the Router answered 403");
  await expect(measureUp(refusing.bounds, fetch)).rejects.toThrow("the Router answered 403");
});

test("measureUp() goes by what arrived at the Router, and never beyond what was sent", async () => {
  const taken = async (request: Request) =>
    Response.json({ bytes: (await request.arrayBuffer()).byteLength / 2, ms: 1 });
  await using half = serve(taken, 10_000);
  const startMs = performance.now();
  const rate = await measureUp(half.bounds, fetch);
  const elapsedSeconds = Math.max(0.001, (performance.now() - startMs) / 1000);
  expect(rate * elapsedSeconds).toBeGreaterThan(0.9 * 1_000_000);
  await using boasting = serve(async (request) => {
    await request.arrayBuffer();
    return Response.json({ bytes: 1e15, ms: 1 });
  }, 10_000);
  expect(await measureUp(boasting.bounds, fetch)).toBeLessThanOrEqual(2_000_000 * 1000);
});

test("measureUp() gives no figure for an answer that says nothing", async () => {
  for (const answer of ["", "[]", '{"bytes":-1}', '{"bytes":0,"ms":5}', `{"bytes":5${" ".repeat(5000)}}`]) {
    await using server = serve(async (request) => {
      await request.arrayBuffer();
      return new Response(answer);
    }, 10_000);
    await expect(measureUp(server.bounds, fetch)).rejects.toThrow();
  }
});

test("measureDown() and measureUp() end at once when they are broken off", async () => {
  await using server = serve(() => new Promise<Response>(() => {}), 20_000);
  for (const measure of [measureDown, measureUp]) {
    const breaking = new AbortController();
    const measured = measure({ ...server.bounds, signal: breaking.signal }, fetch);
    setTimeout(() => breaking.abort(new Error("a viewer came")), 50);
    const startMs = performance.now();
    await expect(measured).rejects.toThrow("a viewer came");
    expect(performance.now() - startMs).toBeLessThan(2000);
  }
});
