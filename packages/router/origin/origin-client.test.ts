import { expect, test } from "bun:test";
import { NesonError } from "@neson/kit/error";
import { FakeClock } from "@neson/kit/fake-clock";
import { startOrigin, startTestbed } from "../edge/testbed.ts";
import { OriginResolver } from "./resolver.ts";

test("origin requests go to no private address unless the site allows it, however the name hides it", async () => {
  await using origin = await startOrigin((_request, response) => void response.end("secret"));
  const port = origin.port;
  const resolve = async (hostname: string) => {
    if (hostname === "sly.test") return [{ address: "127.0.0.1", family: 4 as const }];
    if (hostname === "mapped.test") return [{ address: "::ffff:127.0.0.1", family: 6 as const }];
    if (hostname === "metadata.test") return [{ address: "169.254.169.254", family: 4 as const }];
    throw new Error("no such name");
  };
  const hosts = [
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "[::1]",
    "[::ffff:7f00:1]",
    "sly.test",
    "mapped.test",
    "metadata.test",
  ];
  for (const host of hosts) {
    await using bed = await startTestbed({
      origin: `http://${host}:${port}`,
      site: { allowPrivateOrigin: false },
      resolve,
    });
    for (const method of ["GET", "POST"]) {
      const reply = await bed.get("/", { method });
      expect([host, reply.status, reply.body.toString()]).toEqual([
        host,
        502,
        "502 Bad Gateway: this site's origin has an address that must not be dialled (origin-address-refused)\n",
      ]);
    }
  }
  expect(origin.requests).toEqual([]);
  await using allowed = await startTestbed({ origin: `http://sly.test:${port}`, resolve });
  expect((await allowed.get("/")).body.toString()).toBe("secret");
  expect(origin.requests[0]?.headers.host).toBe(`sly.test:${port}`);
}, 30_000);

test("origin requests try the next address when one does not answer", async () => {
  await using origin = await startOrigin((_request, response) => void response.end("here"));
  const resolve = async () => [
    { address: "127.0.0.99", family: 4 as const },
    { address: "127.0.0.1", family: 4 as const },
  ];
  await using bed = await startTestbed({ origin: `http://two.test:${origin.port}`, resolve });
  expect((await bed.get("/")).body.toString()).toBe("here");
});

test("origin requests follow no redirect", async () => {
  await using other = await startOrigin((_request, response) => void response.end("internal"));
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(302, { Location: `http://127.0.0.1:${other.port}/`, "Cache-Control": "max-age=60" }).end();
  });
  await using bed = await startTestbed({ origin: origin.port });
  const reply = await bed.get("/x");
  expect([reply.status, reply.headers.location]).toEqual([302, `http://127.0.0.1:${other.port}/`]);
  expect(other.requests).toEqual([]);
});

test("origin requests go below the origin's base path, and redirects come back without it", async () => {
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(301, { Location: `http://127.0.0.1:${origin.port}/base/new?x` }).end();
  });
  await using bed = await startTestbed({ origin: `http://127.0.0.1:${origin.port}/base/` });
  expect((await bed.get("/old")).headers.location).toBe("/new?x");
  expect(origin.requests[0]?.target).toBe("/base/old");
});

test("origin requests use connections again, and survive one that was closed meanwhile", async () => {
  const sockets = new Set<unknown>();
  await using origin = await startOrigin((request, response) => {
    // Closed without an answer, as by an origin whose idle limit just passed.
    if (sockets.has(request.socket) && request.url === "/3") request.socket.destroy();
    else {
      sockets.add(request.socket);
      response.end(request.url);
    }
  });
  await using bed = await startTestbed({ origin: origin.port });
  for (const target of ["/1", "/2", "/3"]) expect((await bed.get(target)).body.toString()).toBe(target);
  expect([sockets.size, origin.requests.length]).toEqual([2, 4]);
});

test("OriginResolver asks once for all, again after 30 s, and outlives a failing name server", async () => {
  const clock = new FakeClock();
  let asked = 0;
  let fails = false;
  const resolve = async () => {
    asked += 1;
    if (fails) throw new Error("SERVFAIL");
    return [{ address: "192.0.2.1", family: 4 as const }];
  };
  const resolver = new OriginResolver({ resolve, clock });
  const ask = () => resolver.addressesOf("o.test", true).then((found) => found[0]?.address);
  expect(await Promise.all([ask(), ask(), ask()])).toEqual(["192.0.2.1", "192.0.2.1", "192.0.2.1"]);
  expect(asked).toBe(1);
  await clock.advance(29_000);
  await ask();
  expect(asked).toBe(1);
  fails = true;
  await clock.advance(2000);
  expect([await ask(), asked]).toEqual(["192.0.2.1", 2]);
  await clock.advance(700_000);
  const error: unknown = await ask().catch((caught) => caught);
  expect(error instanceof NesonError && error.code).toBe("origin-unresolved");
  const mixed = new OriginResolver({
    resolve: async () => [
      { address: "10.0.0.1", family: 4 },
      { address: "9.9.9.9", family: 4 },
    ],
    clock,
  });
  expect(await mixed.addressesOf("mixed.test", false)).toEqual([{ address: "9.9.9.9", family: 4 }]);
});
