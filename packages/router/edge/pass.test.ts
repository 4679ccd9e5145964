import { expect, test } from "bun:test";
import { RawClient } from "@neson/kit/http/raw-client";
import { openRequest, startOrigin, startTestbed, testBytes, until } from "./testbed.ts";

const CACHED = { "Content-Type": "video/mp4", "Cache-Control": "max-age=600" };

test("pass() carries methods, bodies, statuses and cookies through unchanged", async () => {
  await using origin = await startOrigin((request, response) => {
    response.writeHead(request.method === "DELETE" ? 204 : 201, {
      "Set-Cookie": ["a=1", "b=2"],
      "X-Method": request.method,
    });
    response.end("made");
  });
  await using bed = await startTestbed({ origin: origin.port });
  const chunked = await bed.get("/form", {
    method: "POST",
    body: ["one ", "two"],
    headers: { "Transfer-Encoding": "chunked" },
  });
  expect([chunked.status, chunked.body.toString()]).toEqual([201, "made"]);
  expect(chunked.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  expect(chunked.headers["cache-status"]).toBe("NESON; fwd=method");
  const sized = await bed.get("/form", { method: "PUT", body: "1234", headers: { "Content-Length": "4" } });
  expect(sized.headers["x-method"]).toBe("PUT");
  expect((await bed.get("/form", { method: "DELETE" })).status).toBe(204);
  expect(origin.requests.map((seen) => seen.body)).toEqual(["one two", "1234", ""]);
  expect(origin.requests[0]?.headers["transfer-encoding"]).toBe("chunked");
  expect(origin.requests[1]?.headers["content-length"]).toBe("4");
  expect(origin.requests[2]?.headers["transfer-encoding"]).toBeUndefined();
});

test("pass() lets a client that waits for 100 Continue send its body", async () => {
  await using origin = await startOrigin((_request, response) => void response.end("thanks"));
  await using bed = await startTestbed({ origin: origin.port });
  using client = await RawClient.open(bed.port);
  client.send("POST /up HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  await client.until(/100 Continue\r\n\r\n/);
  client.send("hello");
  await client.until(/thanks/);
  expect(origin.requests[0]?.body).toBe("hello");
});

test("pass() streams both ways", async () => {
  const length = 3_000_000;
  const body = testBytes(length);
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, { "Cache-Control": "no-store", "Content-Length": length });
    response.end(body);
  });
  await using bed = await startTestbed({ origin: origin.port });
  const parts = Array.from({ length: 30 }, (_, i) => body.subarray(i * 100_000, (i + 1) * 100_000).toString("latin1"));
  const posted = await bed.get("/up", { method: "POST", body: parts, headers: { "Transfer-Encoding": "chunked" } });
  expect(posted.body.equals(body)).toBe(true);
  expect(Buffer.from(origin.requests[0]?.body ?? "", "utf8").length).toBeGreaterThan(length);
});

test("pass() stops the origin when its client leaves", async () => {
  let closed = false;
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, { "Cache-Control": "no-store" }).write("begin");
    response.on("close", () => {
      closed = true;
    });
  });
  await using bed = await startTestbed({ origin: origin.port });
  const response = await openRequest(bed.port, "/endless", { headers: { "Cache-Control": "no-store" } });
  response.destroy();
  await until(() => closed, "the origin request to end");
});

test("pass() forgets what an unsafe request changed, and what is under way", async () => {
  let version = 1;
  await using origin = await startOrigin((request, response) => {
    if (request.method === "POST") {
      version += 1;
      response.writeHead(request.url === "/fails" ? 500 : 303, {
        Location: `http://127.0.0.1:${origin.port}/list?x=1`,
      });
      response.end();
      return;
    }
    response.writeHead(200, CACHED).end(`version ${version}`);
  });
  await using bed = await startTestbed({ origin: origin.port });
  const read = async (target: string) => (await bed.get(target)).body.toString();
  expect([await read("/item"), await read("/list?x=1"), await read("/other")]).toEqual(Array(3).fill("version 1"));
  const posted = await bed.get("/item", { method: "POST", body: "x", headers: { "Content-Length": "1" } });
  // The origin's own name is not told to anyone.
  expect([posted.status, posted.headers.location]).toEqual([303, "/list?x=1"]);
  expect([await read("/item"), await read("/list?x=1"), await read("/other")]).toEqual([
    "version 2",
    "version 2",
    "version 1",
  ]);
  await bed.get("/fails", { method: "POST", body: "x", headers: { "Content-Length": "1" } });
  expect(await read("/item")).toBe("version 2");
});

test("pass() dooms a flight that began before the change", async () => {
  const waiting: (() => void)[] = [];
  await using origin = await startOrigin((request, response) => {
    if (request.method === "POST") response.writeHead(200).end("changed");
    else waiting.push(() => response.writeHead(200, CACHED).end(`answer ${waiting.length}`));
  });
  await using bed = await startTestbed({ origin: origin.port });
  const old = bed.get("/item");
  await until(() => waiting.length === 1, "the first request");
  await bed.get("/item", { method: "POST", body: "x", headers: { "Content-Length": "1" } });
  const anew = bed.get("/item");
  await until(() => waiting.length === 2, "the second request");
  for (const answer of waiting) answer();
  expect([(await old).status, (await anew).status]).toEqual([200, 200]);
  expect((await bed.catalog.stored()).entries).toBe(1);
});

test("pass() reports an origin that is down, slow or strange in one line", async () => {
  await using origin = await startOrigin((request, response) => {
    if (request.url === "/strange") response.socket?.end("nonsense\r\n\r\n");
    else if (request.url === "/huge") response.writeHead(200, { "X-Huge": "x".repeat(100_000) }).end();
    else if (request.url === "/hangs-up") response.socket?.destroy();
    else if (request.url === "/stalls") response.writeHead(200, { "Content-Length": "10" }).write("x");
  });
  await using bed = await startTestbed({ origin: origin.port, edge: { origin: { firstByteMs: 100, idleMs: 100 } } });
  const lines: string[] = [];
  for (const target of ["/slow", "/strange", "/huge", "/hangs-up"]) {
    for (const method of ["GET", "POST"]) {
      const reply = await bed.get(
        target,
        method === "GET" ? {} : { method, body: "x", headers: { "Content-Length": "1" } },
      );
      lines.push(`${method} ${target} ${reply.body.toString().trim()}`);
      expect(reply.headers["cache-control"]).toBe("no-store");
    }
  }
  expect(lines.filter((line) => line.startsWith("GET"))).toEqual([
    "GET /slow 504 Gateway Timeout: this site's origin did not answer in time (origin-timeout)",
    "GET /strange 502 Bad Gateway: this site's origin sent an answer that is not HTTP as allowed here (origin-bad-response)",
    "GET /huge 502 Bad Gateway: this site's origin sent an answer that is not HTTP as allowed here (origin-bad-response)",
    "GET /hangs-up 502 Bad Gateway: this site's origin could not be reached (origin-unreachable)",
  ]);
  expect(lines.filter((line) => line.startsWith("POST")).map((line) => line.slice(5))).toEqual(
    lines.filter((line) => line.startsWith("GET")).map((line) => line.slice(4)),
  );
  expect((await bed.get("/stalls")).cut).toBe(true);
  await origin[Symbol.asyncDispose]();
  const down = await bed.get("/down");
  expect(down.body.toString()).toBe("502 Bad Gateway: this site's origin could not be reached (origin-unreachable)\n");
  expect(bed.edge.stats.errors).toBe(9);
});

test("pass() refuses to go round in circles", async () => {
  await using origin = await startOrigin((_request, response) => void response.end());
  await using bed = await startTestbed({ origin: origin.port });
  bed.site.origin = `http://127.0.0.1:${bed.port}`;
  bed.site.hosts.push("127.0.0.1");
  const reply = await bed.get("/x");
  expect([reply.status, reply.body.toString()]).toEqual([
    508,
    "508 Loop Detected: this site's origin leads back to the network itself\n",
  ]);
});
