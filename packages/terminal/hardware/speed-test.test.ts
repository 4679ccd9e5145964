import { expect, test } from "bun:test";
import { systemClock } from "@neson/kit/clock";
import { silentLog } from "@neson/kit/log";
import type { TerminalMessage } from "@neson/protocol/messages";
import { until } from "../testing/until.ts";
import { type LinkSpeed, SpeedTest } from "./speed-test.ts";

const GRANT = { type: "speed.grant", url: "", maxBytes: 4_000_000, maxMs: 5000 } as const;

/** A Router that grants, with a GET that sends and a POST that counts. */
function start(options: { blockMs?: number } = {}) {
  const state = { openTransfers: 0, isOnline: true, received: 0, sent: 0 };
  const asked: Extract<TerminalMessage, { type: "speed" }>[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      if (request.method === "POST") {
        state.received = (await request.arrayBuffer()).byteLength;
        return Response.json({ bytes: state.received, ms: 1 });
      }
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (options.blockMs !== undefined) await Bun.sleep(options.blockMs);
          state.sent += 100_000;
          controller.enqueue(new Uint8Array(100_000));
          if (state.sent >= GRANT.maxBytes) controller.close();
        },
      });
      return new Response(body);
    },
  });
  const send = (message: TerminalMessage) => {
    if (state.isOnline && message.type === "speed") asked.push(message);
    return state.isOnline;
  };
  const openTransfers = () => state.openTransfers;
  const remembered: LinkSpeed[] = [];
  const remember = (speed: LinkSpeed) => void remembered.push(speed);
  const speedTest = new SpeedTest({ send, openTransfers, fetch, remember, clock: systemClock, log: silentLog });
  const grant = () => speedTest.grant({ ...GRANT, id: asked.at(-1)?.id ?? "", url: `${server.url}v1/speed/x` });
  return { state, asked, remembered, speedTest, grant, [Symbol.asyncDispose]: () => server.stop(true) };
}

test("SpeedTest measures down and up once the Router has granted it", async () => {
  await using router = start();
  const running = router.speedTest.run();
  expect(router.asked).toHaveLength(1);
  router.grant();
  const outcome = await running;
  expect(outcome).toMatchObject({ speed: { downBytesPerSecond: expect.any(Number) } });
  expect(router.state.received).toBe(GRANT.maxBytes);
  expect(router.remembered.map((speed) => ({ speed }))).toEqual([outcome as { speed: LinkSpeed }]);
});

test("SpeedTest measures nothing while a viewer is being served, and breaks off when one comes", async () => {
  await using router = start({ blockMs: 20 });
  router.state.openTransfers = 1;
  expect(await router.speedTest.run()).toMatchObject({ reason: expect.stringContaining("viewers are being served") });
  expect(router.asked).toHaveLength(0);
  router.state.openTransfers = 0;
  const running = router.speedTest.run();
  router.grant();
  await until("bytes flow", () => router.state.sent > 0);
  router.state.openTransfers = 1;
  expect(await running).toEqual({ reason: "broken off for a viewer" });
  expect(router.remembered).toEqual([]);
  const { sent } = router.state;
  await Bun.sleep(100);
  expect(router.state.sent - sent).toBeLessThanOrEqual(300_000);
});

test("SpeedTest does not begin for a viewer who came while the Router was asked", async () => {
  await using router = start();
  const running = router.speedTest.run();
  router.state.openTransfers = 1;
  router.grant();
  expect(await running).toEqual({ reason: "broken off for a viewer" });
  expect([router.state.sent, router.state.received]).toEqual([0, 0]);
});

test("SpeedTest tells why when the Router refuses, is away, or goes away", async () => {
  await using router = start();
  const refused = router.speedTest.run();
  expect(router.speedTest.refuse("another", "no")).toBe(false);
  expect(router.speedTest.refuse(router.asked[0]?.id ?? "", "one measurement in ten minutes")).toBe(true);
  expect(await refused).toEqual({ reason: "one measurement in ten minutes" });
  const cut = router.speedTest.run();
  expect(await router.speedTest.run()).toEqual({ reason: "a measurement is under way" });
  router.speedTest.offline();
  expect(await cut).toEqual({ reason: "the Router is not connected" });
  router.state.isOnline = false;
  expect(await router.speedTest.run()).toEqual({ reason: "the Router is not connected" });
});
