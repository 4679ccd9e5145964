import { expect, test } from "bun:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { NatsBus } from "../../packages/router/bus/nats-bus.ts";
import {
  BUS_DEPS,
  checkComingAndGoing,
  checkDelivery,
  checkFailures,
  listen,
  numbered,
  numbersOf,
  until,
} from "../../packages/router/bus/testing/bus-contract.ts";
import { needs } from "../needs.ts";
import { startNats } from "../services/nats.ts";

const KEY = new Uint8Array(32).fill(7);
const [A, B] = ["aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"];

function busAt(url: string, routerId: string, network = "cafe", key = KEY): NatsBus {
  return new NatsBus({ servers: { urls: [url], login: undefined }, routerId, network, key }, BUS_DEPS);
}

test.skipIf(!needs("nats-server"))("a NATS bus does what every bus must", async () => {
  await using server = await startNats();
  await checkDelivery((routerId) => busAt(server.url, routerId, "01"));
  await checkFailures((routerId) => busAt(server.url, routerId, "02"));
  await checkComingAndGoing((routerId) => busAt(server.url, routerId, "03"));
});

test.skipIf(!needs("nats-server"))(
  "a NATS bus delivers what was said while the server was away, once and in order, and connects again by itself",
  async () => {
    await using server = await startNats();
    await using a = listen(busAt(server.url, A));
    await using b = listen(busAt(server.url, B));
    await until("both to have started", () => a.resyncs.length === 1 && b.resyncs.length === 1);
    a.bus.publish(numbered(0));
    await until("the first notice", () => b.notices.length === 1);
    await server.stop();
    await until("both to notice", () => !a.bus.isConnected && !b.bus.isConnected);
    for (let number = 1; number < 50; number++) a.bus.publish(numbered(number));
    b.bus.publish(numbered(100));
    await server.start();
    await until("what was missed", () => b.notices.length >= 50 && a.notices.length >= 1);
    expect(numbersOf(b)).toEqual(Array.from({ length: 50 }, (_, number) => number));
    expect(numbersOf(a)).toEqual([100]);
    expect([a.resyncs.length, b.resyncs.length]).toEqual([1, 1]);
  },
  30_000,
);

test.skipIf(!needs("nats-server"))(
  "a NATS bus starts without a server, and has everything read again once there is one or its stream was made anew",
  async () => {
    await using server = await startNats();
    await server.stop();
    await using a = listen(busAt(server.url, A));
    a.bus.publish(numbered(1));
    expect(a.bus.isConnected).toBe(false);
    await server.start();
    await using b = listen(busAt(server.url, B));
    await until("both to have started", () => a.resyncs.length === 1 && b.resyncs.length === 1);
    const connection = await connect({ servers: server.url });
    await (await jetstreamManager(connection)).streams.delete("NESON_cafe");
    await connection.close();
    await server.stop();
    await server.start();
    await until("both to read everything", () => a.resyncs.length === 2 && b.resyncs.length === 2);
    a.bus.publish(numbered(2));
    await until("the notice", () => numbersOf(b).includes(2));
  },
  30_000,
);

test.skipIf(!needs("nats-server"))(
  "a NATS bus believes no message that was not made with the network's key",
  async () => {
    await using server = await startNats();
    await using a = listen(busAt(server.url, A));
    await using stranger = listen(busAt(server.url, B, "cafe", new Uint8Array(32).fill(8)));
    await until("both to have started", () => a.resyncs.length === 1 && stranger.resyncs.length === 1);
    const connection = await connect({ servers: server.url });
    for (const text of ["", "{}", "x".repeat(500_000)]) await jetstream(connection).publish("neson.cafe.notices", text);
    stranger.bus.publish(numbered(1));
    stranger.bus.signal({ type: "bye" });
    await using friend = listen(busAt(server.url, "cccccccccccccccc"));
    await until("the friend to have started", () => friend.resyncs.length === 1);
    friend.bus.publish(numbered(2));
    await until("the friend's notice", () => a.notices.length > 0);
    expect([numbersOf(a), a.signals]).toEqual([[2], []]);
    await connection.close();
  },
);
