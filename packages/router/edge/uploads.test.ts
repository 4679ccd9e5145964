import { expect, test } from "bun:test";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { RawClient } from "@neson/kit/http/raw-client";
import { startTestbed, until } from "./testbed.ts";

/** An origin that reads nothing of a request by itself. */
async function startBare(handle: RequestListener) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    request.on("error", () => {});
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    ...{ requests, port: (server.address() as AddressInfo).port },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An origin that tells how many bytes it got. */
function startCounting() {
  return startBare(async (request, response) => {
    let bytes = 0;
    for await (const chunk of request) bytes += chunk.length;
    response.end(`${bytes} bytes, ${request.rawTrailers.join()}`);
  });
}

const CHUNKED = "Host: site.test\r\nTransfer-Encoding: chunked\r\n";

function chunk(bytes: number): string {
  return `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`;
}

test("content beyond the site's limit is refused, whether or not its length was stated, and the origin never sees it end", async () => {
  let ended = 0;
  let broken = 0;
  await using origin = await startBare((request, response) => {
    request.on("data", () => {});
    request.on("end", () => {
      ended += 1;
      response.end("took it");
    });
    request.on("close", () => {
      if (!request.complete) broken += 1;
    });
  });
  await using bed = await startTestbed({ origin: origin.port, site: { access: { maxBodyBytes: 100_000 } } });
  using stated = await RawClient.open(bed.port);
  expect(
    await stated.send("POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 100001\r\n\r\n").until(/\n$/),
  ).toStartWith("HTTP/1.1 413 ");
  expect(origin.requests.length).toBe(0);
  using unstated = await RawClient.open(bed.port);
  unstated.send(`POST / HTTP/1.1\r\n${CHUNKED}\r\n`);
  for (let i = 0; i < 4; i++) unstated.send(chunk(30_000));
  expect(await unstated.until(/content-too-large[^\n]*\n$/)).toStartWith("HTTP/1.1 413 ");
  await until(() => broken === 1, "the origin to see a broken request");
  using fine = await RawClient.open(bed.port);
  fine.send(`POST / HTTP/1.1\r\n${CHUNKED}\r\n`);
  for (let i = 0; i < 4; i++) fine.send(chunk(25_000));
  expect(await fine.send("0\r\n\r\n").until(/took it/)).toStartWith("HTTP/1.1 200 ");
  expect(ended).toBe(1);
});

test("a large upload waits for the origin, and holds little memory", async () => {
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await using origin = await startBare(async (request, response) => {
    await gate;
    let bytes = 0;
    for await (const block of request) bytes += block.length;
    response.end(`${bytes}`);
  });
  await using bed = await startTestbed({ origin: origin.port });
  using client = await RawClient.open(bed.port);
  const size = 200 * 1_048_576;
  client.send(`PUT /large HTTP/1.1\r\nHost: site.test\r\nContent-Length: ${size}\r\n\r\n`);
  const block = Buffer.alloc(1_048_576, 1);
  let sent = 0;
  const sending = (async () => {
    for (; sent < size; sent += block.length) {
      if (!client.socket.write(block)) await new Promise((resolve) => client.socket.once("drain", resolve));
    }
  })();
  await until(() => origin.requests.length === 1, "the request");
  let before = -1;
  await until(() => {
    const isStill = before === sent;
    before = sent;
    return isStill && sent > 0;
  }, "the upload to stand still");
  expect(sent).toBeLessThan(40 * 1_048_576);
  letGo();
  await sending;
  expect(await client.until(new RegExp(`${size}$`))).toStartWith("HTTP/1.1 200 ");
}, 60_000);

test("what is refused or malformed opens no connection to the origin", async () => {
  await using origin = await startCounting();
  await using bed = await startTestbed({
    origin: origin.port,
    site: { access: { methods: ["GET", "POST"], maxBodyBytes: 10 } },
  });
  const requests = [
    "POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "PUT / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 11\r\n\r\nhello world",
    "POST / HTTP/1.1\r\nHost: site.test\r\nHost: other.test\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: nobody.test\r\nContent-Length: 5\r\n\r\nhello",
  ];
  for (const request of requests) {
    using client = await RawClient.open(bed.port);
    expect([request, await client.send(request).until(/^HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n/)]).toEqual([
      request,
      expect.stringMatching(/^HTTP\/1\.1 (4\d\d|501) /),
    ]);
  }
  expect(origin.requests.filter(({ method }) => method !== "POST")).toEqual([]);
  // Of all those, only the one whose content turns out bad after its head may have been begun; nothing of it may have come whole.
  expect(origin.requests.length).toBeLessThanOrEqual(1);
});

test("a client that asks first is told to go on once the origin is reached, and not at all when it is not", async () => {
  await using origin = await startCounting();
  await using bed = await startTestbed({ origin: origin.port });
  const head = "POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  using client = await RawClient.open(bed.port);
  expect(await client.send(head).until(/\r\n\r\n/)).toStartWith("HTTP/1.1 100 Continue");
  expect(await client.send("hello").until(/5 bytes/)).toContain("HTTP/1.1 200 ");
  await using none = await startTestbed({ origin: "http://127.0.0.1:1" });
  using other = await RawClient.open(none.port);
  expect(await other.send(head).until(/\n$/)).toStartWith("HTTP/1.1 502 ");
});

test("trailers go both ways, but for those that must be known before", async () => {
  await using origin = await startBare(async (request, response) => {
    for await (const _ of request);
    response.writeHead(200, { "Cache-Control": "no-store", Trailer: "X-Sum, Set-Cookie" });
    response.write(`got ${request.rawTrailers.join(":")}`);
    response.addTrailers([
      ["X-Sum", "abc"],
      ["Set-Cookie", "a=b"],
      ["Cache-Control", "max-age=60"],
    ]);
    response.end();
  });
  await using bed = await startTestbed({ origin: origin.port });
  using client = await RawClient.open(bed.port);
  client.send(
    `POST / HTTP/1.1\r\n${CHUNKED}Trailer: X-Check\r\n\r\n${chunk(3)}0\r\nX-Check: 1\r\nContent-Type: text/evil\r\nAuthorization: x\r\n\r\n`,
  );
  const answer = await client.until(/0\r\n[^\n]*\r\n\r\n$/);
  expect(answer).toContain("got X-Check:1\r\n");
  expect(answer).toEndWith("\r\n0\r\nX-Sum: abc\r\n\r\n");
});
