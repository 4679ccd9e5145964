import { expect, test } from "bun:test";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { EdgeRequest } from "@neson/kit/http/answer";
import { RawClient } from "@neson/kit/http/raw-client";
import { serveHttp } from "@neson/kit/http/server";
import { silentLog } from "@neson/kit/log";
import { selfSigned } from "@neson/kit/wire/testing/self-signed";
import { startTestbed, type TestbedOptions, until } from "./testbed.ts";

/** An origin that notes what comes on each connection and does what `act` says, before an edge. */
async function startBare(act: (socket: Socket, received: string) => void, options: Partial<TestbedOptions> = {}) {
  const connections: { socket: Socket; received: string }[] = [];
  const server = createServer((socket) => {
    const connection = { socket, received: "" };
    connections.push(connection);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      connection.received += bytes.toString("latin1");
      act(socket, connection.received);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bed = await startTestbed({ origin: (server.address() as AddressInfo).port, ...options });
  return {
    ...{ bed, connections },
    ask: async (text: string) => (await RawClient.open(bed.port)).send(text),
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]();
      for (const { socket } of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const DONE = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 4\r\n\r\ndone";
const post = (fields: string, content = "") => `POST /up HTTP/1.1\r\nHost: site.test\r\n${fields}\r\n\r\n${content}`;

test("content that is malformed, too large or not sent costs the origin no connection", async () => {
  await using all = await startBare((socket) => socket.write(DONE), { site: { access: { maxBodyBytes: 10 } } });
  const chunked = "Transfer-Encoding: chunked";
  let asked = 0;
  for (const [head, content, status] of [
    [chunked, "5\r\nhello\r\nzz\r\n", 400],
    [chunked, "5\r\nhelloX\r\n0\r\n\r\n", 400],
    [chunked, "5\r\nhello\r\n0\r\nbad trailer\r\n\r\n", 400],
    [chunked, "b\r\nhello world\r\n0\r\n\r\n", 413],
    ["Content-Length: 11", "hello world", 413],
  ] as const) {
    // Behind the head, as it would come over a network.
    using client = await all.ask(post(head));
    asked += 1;
    await until(() => all.bed.edge.stats.requests === asked, "the head");
    expect([content, await client.send(content).until(/^HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n/)]).toEqual([
      content,
      expect.stringMatching(new RegExp(`^HTTP/1\\.1 ${status} `)),
    ]);
  }
  using silent = await all.ask(post("Content-Length: 5", "hell"));
  await until(() => all.bed.edge.stats.requests === asked + 1, "the last one's head");
  silent.socket.destroy();
  using good = await all.ask(post("Content-Length: 5", "hello"));
  await good.until(/done$/);
  expect(all.connections.map(({ received }) => received.split("\r\n\r\n")[1])).toEqual(["hello"]);
});

test("chunked content that comes slowly is not waited for before the origin is asked", async () => {
  await using all = await startBare((socket, received) => {
    if (received.includes("first")) socket.write(DONE);
  });
  using client = await all.ask(post("Transfer-Encoding: chunked", "5\r\nfirst\r\n"));
  expect(await client.until(/done$/)).toStartWith("HTTP/1.1 200 ");
});

test("a client that pauses amid its content is no failure of the origin", async () => {
  await using all = await startBare(
    (socket, received) => {
      if (received.endsWith("0\r\n\r\n")) socket.write(DONE);
    },
    { edge: { origin: { idleMs: 100, firstByteMs: 100 } } },
  );
  using client = await all.ask(post("Transfer-Encoding: chunked", "1\r\na\r\n"));
  for (let i = 0; i < 3; i++) {
    await Bun.sleep(250);
    client.send("1\r\na\r\n");
  }
  expect(await client.send("0\r\n\r\n").until(/done$/)).toStartWith("HTTP/1.1 200 ");
  expect(all.bed.edge.originsOf(all.bed.site)).toMatchObject([{ failures: 0 }]);
});

test("an origin that takes nothing of the content in time is given up", async () => {
  await using all = await startBare((socket) => socket.pause(), { edge: { origin: { idleMs: 200 } } });
  using client = await all.ask(post("Content-Length: 100000000"));
  const block = "x".repeat(1_000_000);
  const sending = (async () => {
    for (let i = 0; i < 100 && !client.closed; i++) {
      client.send(block);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  expect(await client.until(/^HTTP\/1\.1 \d+ /)).toStartWith("HTTP/1.1 504 ");
  await sending;
});

test("Expect reaches the origin: its refusal spares the content, its silence does not hold it up", async () => {
  const refusal = "HTTP/1.1 401 No\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\nno";
  let answers = [refusal, "", "HTTP/1.1 100 Continue\r\n\r\n"];
  await using all = await startBare((socket, received) => {
    if (received.endsWith("hello")) socket.write(DONE);
    else socket.write(answers.shift() ?? "");
  });
  const head = post("Content-Length: 5\r\nExpect: 100-continue");
  using refused = await all.ask(head);
  const said = await refused.until(/no$/);
  expect(said).toStartWith("HTTP/1.1 401 ");
  expect(said).not.toContain("100 Continue");
  expect(all.connections[0]?.received).toMatch(/\r\nExpect: 100-continue\r\n/);
  // The origin waits for content on this connection: it must carry no other request.
  await until(() => all.connections[0]?.socket.destroyed === true, "the connection to be closed");
  for (const behaviour of ["silent", "going on"]) {
    using client = await all.ask(head);
    await client.until(/100 Continue\r\n\r\n/);
    expect([behaviour, await client.send("hello").until(/done$/)]).toEqual([
      behaviour,
      expect.stringMatching(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /),
    ]);
  }
  expect(all.connections.length).toBeGreaterThan(1);
  answers = [];
});

test("an answer ahead of the content's end reaches the client, and ends the connection to the origin", async () => {
  const early = "HTTP/1.1 403 No\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\nno";
  await using all = await startBare((socket, received) => void (received.length < 100_000 && socket.write(early)));
  using client = await all.ask(post("Content-Length: 1000000", "x".repeat(70_000)));
  expect(await client.until(/no$/)).toStartWith("HTTP/1.1 403 ");
  await until(() => all.connections[0]?.socket.destroyed === true, "the connection to be closed");
});

test("trailers bring no field that only a proxy may say", async () => {
  await using all = await startBare((socket, received) => void (received.includes("X-Sum") && socket.write(DONE)));
  const trailers = "X-Forwarded-For: 10.0.0.1\r\nX-Real-IP: 10.0.0.1\r\nVia: 1.1 x\r\nX-Sum: 1\r\n";
  using client = await all.ask(post("Transfer-Encoding: chunked", `1\r\na\r\n0\r\n${trailers}\r\n`));
  await client.until(/done$/);
  expect(all.connections[0]?.received).toEndWith("\r\n0\r\nX-Sum: 1\r\n\r\n");
});

test("an origin hears that trailers are taken, where its client takes them", async () => {
  await using all = await startBare((socket) => socket.write(DONE));
  for (const te of ["", "TE: gzip, trailers\r\nConnection: TE\r\n"]) {
    using client = await all.ask(`DELETE /x HTTP/1.1\r\nHost: site.test\r\n${te}\r\n`);
    await client.until(/done$/);
  }
  const requests = all.connections.flatMap(({ received }) => received.split(/(?=DELETE )/));
  expect(requests.map((text) => /\r\nTE: ([^\r]*)/i.exec(text)?.[1])).toEqual([undefined, "trailers"]);
  // The same connection took both.
  expect(all.connections).toHaveLength(1);
});

test("trailers go both ways over HTTP/2 as well", async () => {
  const pair = selfSigned("origin.test");
  const handle = async (request: EdgeRequest) => {
    for await (const _ of request.body);
    const got = Buffer.from(`${request.httpVersion} ${request.headers.te} ${request.trailers().join()}`);
    const body = (async function* () {
      yield got;
    })();
    return { status: 200, headers: ["Cache-Control", "no-store"], body, trailers: () => ["X-End", "yes"] };
  };
  await using origin = await serveHttp({ hostname: "127.0.0.1", port: 0, tls: pair, log: silentLog, handle });
  await using bed = await startTestbed({
    origin: `https://origin.test:${origin.port}`,
    resolve: async () => [{ address: "127.0.0.1", family: 4 }],
    site: { origins: { http2: true, authorities: pair.cert } },
  });
  using client = await RawClient.open(bed.port);
  client.send(post("Transfer-Encoding: chunked\r\nTE: trailers\r\nConnection: TE", "1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n"));
  const answer = await client.until(/\r\n0\r\n[\s\S]*\r\n\r\n$/);
  expect(answer).toMatch(/2\.0 trailers x-sum,1\r\n/i);
  expect(answer).toMatch(/\r\n0\r\nx-end: yes\r\n\r\n$/i);
});

test("Expect reaches an origin over HTTP/2 as well", async () => {
  const pair = selfSigned("origin.test");
  const handle = async (request: EdgeRequest) => {
    const headers = ["Cache-Control", "no-store"];
    if (request.target === "/refuses") return { status: 401, headers, body: Buffer.from("no") };
    let text = "";
    for await (const block of request.body) text += Buffer.from(block).toString();
    return { status: 200, headers, body: Buffer.from(`${request.httpVersion} got ${text}`) };
  };
  await using origin = await serveHttp({ hostname: "127.0.0.1", port: 0, tls: pair, log: silentLog, handle });
  await using bed = await startTestbed({
    origin: `https://origin.test:${origin.port}`,
    resolve: async () => [{ address: "127.0.0.1", family: 4 }],
    site: { origins: { http2: true, authorities: pair.cert } },
  });
  const head = post("Content-Length: 5\r\nExpect: 100-continue");
  for (let i = 0; i < 3; i++) {
    using refused = await RawClient.open(bed.port);
    expect(await refused.send(head.replace("/up", "/refuses")).until(/no$/)).toStartWith("HTTP/1.1 401 ");
    using taken = await RawClient.open(bed.port);
    await taken.send(head).until(/100 Continue\r\n\r\n/);
    expect(await taken.send("hello").until(/got hello$/)).toContain("2.0 got");
  }
  await until(() => origin.openTransfers() === 0, "every stream to be over");
});
