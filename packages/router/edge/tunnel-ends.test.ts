import { expect, test } from "bun:test";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { RawClient } from "@neson/kit/http/raw-client";
import { startTestbed, until } from "./testbed.ts";

const OFFER =
  "GET /chat HTTP/1.1\r\nHost: site.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a2V5\r\n\r\n";
const AGREED = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

/** An origin that keeps its side of a connection open whatever its peer does, before an edge. */
async function startStubborn(act: (socket: Socket, isFirst: boolean) => void) {
  const connections: { socket: Socket; received: string; hasEnded: boolean }[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = { socket, received: "", hasEnded: false };
    connections.push(connection);
    socket.on("error", () => {});
    socket.on("end", () => {
      connection.hasEnded = true;
    });
    socket.on("data", (bytes) => {
      const isFirst = connection.received === "";
      connection.received += bytes.toString("latin1");
      act(socket, isFirst);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bed = await startTestbed({ origin: (server.address() as AddressInfo).port });
  return {
    ...{ bed, connections },
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]();
      for (const { socket } of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("Tunnel sends what a client said last, and then holds no connection to an origin that does not care", async () => {
  await using all = await startStubborn((socket, isFirst) => void (isFirst && socket.write(AGREED)));
  using client = await RawClient.open(all.bed.port);
  await client.send(OFFER).until(/\r\n\r\n/);
  client.send("good-bye");
  client.socket.end();
  await until(() => all.connections[0]?.hasEnded === true, "the origin to hear of the end");
  expect(all.connections[0]?.received).toEndWith("\r\n\r\ngood-bye");
  // It goes on talking, to nobody, until its connection is cut.
  const [connection] = all.connections;
  await until(() => {
    connection?.socket.write("are you there?");
    return connection?.socket.destroyed === true;
  }, "the origin to be cut off");
});

test("Tunnel sends a client all of what the origin said before it ended", async () => {
  await using all = await startStubborn((socket, isFirst) => {
    if (!isFirst) socket.end("y".repeat(1_000_000));
    else socket.write(AGREED);
  });
  using client = await RawClient.open(all.bed.port);
  const head = await client.send(OFFER).until(/\r\n\r\n/);
  const received = await client.send("x").until("closed");
  expect(received.length - head.length).toBe(1_000_000);
});

test("Tunnel reads neither end faster than the other takes", async () => {
  let written = 0;
  await using all = await startStubborn((socket, isFirst) => {
    if (!isFirst) return;
    socket.write(AGREED);
    const block = Buffer.alloc(1_048_576);
    const more = () => {
      while (!socket.destroyed && written < 200) {
        written += 1;
        if (!socket.write(block)) {
          socket.once("drain", more);
          return;
        }
      }
    };
    more();
  });
  const client = connect(all.bed.port, "127.0.0.1");
  let received = 0;
  client.write(OFFER);
  await new Promise((resolve) => client.once("data", resolve));
  client.pause();
  let before = -1;
  let still = 0;
  await until(() => {
    still = before === written ? still + 1 : 0;
    before = written;
    return still === 50;
  }, "the origin to stand still");
  expect(written).toBeLessThan(60);
  client.on("data", (bytes) => {
    received += bytes.length;
  });
  client.resume();
  await until(() => received >= 199 * 1_048_576, "the rest", 20_000);
  client.destroy();
}, 30_000);

test("tunnel() takes no change to a protocol that was not offered", async () => {
  await using all = await startStubborn((socket) => void socket.write(AGREED.replace("websocket", "h2c")));
  using client = await RawClient.open(all.bed.port);
  expect(await client.send(OFFER).until(/\n$/)).toStartWith("HTTP/1.1 502 ");
  await until(() => all.connections.every(({ hasEnded, socket }) => hasEnded || socket.destroyed), "it to be cut off");
});
