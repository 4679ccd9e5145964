import { expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { RawClient } from "@neson/kit/http/raw-client";
import { startTestbed, until } from "./testbed.ts";

/** A bare origin that tells a hint at once, and answers when told to. */
async function hinting(fields: string) {
  const sockets: Socket[] = [];
  let count = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => {
      sockets.push(socket);
      count += 1;
      socket.write(
        `HTTP/1.1 103 Early Hints\r\nLink: </${count}.css>; rel=preload\r\nConnection: X-A\r\nX-A: 1\r\n\r\n`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bed = await startTestbed({ origin: (server.address() as { port: number }).port });
  const answer = () => {
    const [socket] = sockets.splice(0, 1);
    socket?.write(`HTTP/1.1 200 OK\r\n${fields}\r\nContent-Length: 4\r\n\r\nbody`);
  };
  const ask = async () => {
    const client = await RawClient.open(bed.port);
    return client.send("GET /page HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n");
  };
  return {
    ...{ bed, sockets, answer, ask },
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]();
      server.close();
    },
  };
}

test("an interim answer goes to who waits, ahead of the answer, and is not stored (RFC 9110 15.2)", async () => {
  await using net = await hinting("Cache-Control: max-age=600");
  using leader = await net.ask();
  expect(await leader.until(/\r\n\r\n/)).toStartWith("HTTP/1.1 103 Early Hints\r\nLink: </1.css>; rel=preload\r\n\r\n");
  expect(leader.received).not.toContain("X-A");
  using waiter = await net.ask();
  await until(() => net.bed.edge.stats.requests === 2, "the second request");
  expect(waiter.received).toBe("");
  net.answer();
  for (const client of [leader, waiter]) {
    const received = await client.until("closed");
    expect(received).toMatch(
      /^HTTP\/1\.1 103 [\s\S]*?<\/1\.css>[\s\S]*?\r\n\r\nHTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nbody$/,
    );
    expect(received.split("HTTP/1.1 200")[1]).not.toContain("1.css");
  }
  using later = await net.ask();
  expect(await later.until("closed")).toStartWith("HTTP/1.1 200 OK\r\n");
});

test("a hint about an answer that is one client's alone reaches nobody else", async () => {
  await using net = await hinting("Cache-Control: private");
  using leader = await net.ask();
  await leader.until(/1\.css/);
  using waiter = await net.ask();
  await until(() => net.bed.edge.stats.requests === 2, "the second request");
  net.answer();
  await leader.until("closed");
  await waiter.until(/2\.css|1\.css|200 OK/);
  net.answer();
  expect(await waiter.until("closed")).not.toContain("1.css");
});
