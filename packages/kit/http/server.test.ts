import { expect, test } from "bun:test";
import { silentLog } from "../log.ts";
import type { Handle } from "./answer.ts";
import { RawClient } from "./raw-client.ts";
import { type HttpLimits, serveHttp } from "./server.ts";
import { text } from "./testing/listener-case.ts";
import { MESSAGE_CASES } from "./testing/message-cases.ts";
import { REFUSAL_CASES } from "./testing/refusal-cases.ts";
import { STREAM_CASES } from "./testing/stream-cases.ts";

function serve(handle: Handle, { port = 0, ...limits }: HttpLimits & { port?: number } = {}) {
  return serveHttp({ hostname: "127.0.0.1", port, handle, log: silentLog, limits: { graceMs: 200, ...limits } });
}

for (const { name, run } of [...MESSAGE_CASES, ...STREAM_CASES, ...REFUSAL_CASES]) {
  test(`serveHttp() ${name}`, () => run(serve));
}

test("serveHttp() never times out a slow handler, a slow source or a slow upload that goes on", async () => {
  await using server = await serve(
    async (request) => {
      let bytes = 0;
      for await (const chunk of request.body) bytes += chunk.length;
      async function* body() {
        for (let i = 0; i < 4; i++) {
          await new Promise((resolve) => setTimeout(resolve, 300));
          yield Buffer.from(`<${bytes}>`);
        }
      }
      return { status: 200, headers: ["Content-Length", "12"], body: body() };
    },
    { headersMs: 200, keepAliveMs: 200, stallMs: 200 },
  );
  using client = await RawClient.open(server.port);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
  for (const byte of "abcd") {
    await new Promise((resolve) => setTimeout(resolve, 150));
    client.send(byte);
  }
  expect(await client.until(/(<4>){4}$/)).toStartWith("HTTP/1.1 200");
});

test("serveHttp() hands over the request body, and survives one that is not read", async () => {
  await using server = await serve(async (request) => {
    if (request.target !== "/read") return text("unread");
    let bytes = 0;
    for await (const chunk of request.body) bytes += chunk.length;
    return text(`got ${bytes}`);
  });
  using client = await RawClient.open(server.port);
  const post = (target: string, body: string) =>
    `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  client.send(post("/read", "abc"));
  await client.until(/got 3/);
  client.send(post("/skip", "x".repeat(300_000)));
  await client.until(/unread/);
  client.send(post("/read", "y".repeat(300_000)));
  await client.until(/got 300000/);
});
