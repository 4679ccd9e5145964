import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { startOrigin, startTestbed, until } from "../../packages/router/edge/testbed.ts";

/** A shop whose account page answers whatever comes behind its path, and is said to be cacheable by its name. */
async function shop() {
  return await startOrigin((request, response) => {
    response.writeHead(200, { "Cache-Control": "public, max-age=600", "Content-Type": "text/html" });
    response.end(`account of ${request.headers.cookie ?? "nobody"}`);
  });
}

test("attack: a member lured to /account/x.css leaves nothing in the store", async () => {
  await using origin = await shop();
  await using bed = await startTestbed({ origin: origin.port });
  for (const target of ["/account/x.css", "/account;x.js", "/account%2fx.PNG", "/account/x%2ewoff2?y"]) {
    expect((await bed.get(target, { headers: { Cookie: "member" } })).body.toString()).toBe("account of member");
    expect([target, (await bed.get(target)).body.toString()]).toEqual([target, "account of nobody"]);
  }
});

test("a site that names its pages like files can say so", async () => {
  await using origin = await shop();
  await using bed = await startTestbed({ origin: origin.port, site: { cache: { deceptionGuard: false } } });
  await bed.get("/x.css");
  await bed.get("/x.css");
  expect(origin.requests.length).toBe(1);
});

test("attack: of members who ask at once, none gets another's page from an origin that forgot to say that it is private", async () => {
  const waiting: (() => void)[] = [];
  await using origin = await startOrigin((request, response) => {
    waiting.push(() => response.writeHead(200, { ETag: `"${request.headers.cookie}"` }).end(request.headers.cookie));
  });
  await using bed = await startTestbed({ origin: origin.port });
  const members = Array.from({ length: 4 }, (_, i) => `member-${i}`);
  const asking = members.map((cookie) => bed.get("/account", { headers: { Cookie: cookie } }));
  // They come one after the other as each finds out that it cannot share.
  let answered = 0;
  const answering = until(() => {
    for (const answer of waiting.splice(0)) {
      answer();
      answered += 1;
    }
    return answered === members.length;
  }, "a request for each member");
  const replies = await Promise.all(asking);
  await answering;
  expect(replies.map((reply) => reply.body.toString())).toEqual(members);
});

const SPLITTING = [
  "Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
  "X-A: b\rSet-Cookie: evil",
  "X-A: b\nSet-Cookie: evil",
  "X-A: b\r\n Set-Cookie: evil",
  "X-A\u0000: b",
  "X A: b",
  ": evil",
  "Content-Length: 4\r\nContent-Length: 5",
  "Content-Length: 4\r\nTransfer-Encoding: chunked",
];

test("attack: an origin's malformed fields do not become fields or answers of their own, and poison nothing", async () => {
  for (const line of SPLITTING) {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () =>
        socket.write(`HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\n${line}\r\nX-End: 1\r\n\r\nbody`),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    await using bed = await startTestbed({ origin: port, edge: { origin: { idleMs: 200 } } });
    for (let i = 0; i < 2; i++) {
      const reply = await bed.get("/");
      const shown = [reply.headers["set-cookie"], reply.body.toString().includes("evil")];
      expect([line, ...shown]).toEqual([line, undefined, false]);
    }
    server.close();
  }
});
