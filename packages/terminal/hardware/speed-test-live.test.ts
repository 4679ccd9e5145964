import { expect, test } from "bun:test";
import type { TerminalMessage } from "@neson/protocol/messages";
import { publish, seededBytes, sha256Hex } from "../testing/objects.ts";
import { startPair } from "../testing/start.ts";
import { until } from "../testing/until.ts";

type Speed = Extract<TerminalMessage, { type: "speed" }>;

/** The place that a grant names: sends without end, and knows when its reader has gone. */
function serveWithoutEnd() {
  const state = { sentBytes: 0, isOver: false };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () =>
      new Response(
        new ReadableStream<Uint8Array>({
          async pull(controller) {
            state.sentBytes += 65_536;
            controller.enqueue(new Uint8Array(65_536));
            await Bun.sleep(1);
          },
          cancel() {
            state.isOver = true;
          },
        }),
      ),
  });
  return { state, url: `${server.url}v1/speed/x`, [Symbol.asyncDispose]: () => server.stop(true) };
}

test("Terminal breaks a measurement off as soon as a viewer comes, and serves that viewer to the end", async () => {
  await using pair = await startPair();
  await using source = serveWithoutEnd();
  const film = publish(seededBytes(40_000_000, 1));
  await pair.router.store(film);
  const measuring = pair.terminal.measureLink();
  await pair.router.heard(({ type }) => type === "speed");
  const { id } = pair.router.received.find(({ type }) => type === "speed") as Speed;
  pair.router.send({ type: "speed.grant", id, url: source.url, maxBytes: 2 ** 30, maxMs: 60_000 });
  await until("the measurement is under way", () => source.state.sentBytes > 500_000);

  const viewer = await pair.get(pair.router.path(film));
  expect(await measuring).toEqual({ reason: "broken off for a viewer" });
  await until("the measurement's connection is let go", () => source.state.isOver, 1000);
  const { sentBytes } = source.state;
  expect(sha256Hex(await viewer.bytes())).toBe(film.description.sha256);
  // Not a byte of it travelled beside the viewer's.
  expect(source.state.sentBytes).toBe(sentBytes);
}, 20_000);
