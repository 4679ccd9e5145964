import { expect, test } from "bun:test";
import { startOrigin, startTestbed, until } from "./testbed.ts";

const NOBODY = "http://127.0.0.1:1";
const FAST = { connectMs: 500, firstByteMs: 500, idleMs: 500 };

/** An origin that answers its name; closing the connection instead while `fails` says so. */
async function named(name: string, fails: () => "no" | "hangs up" | "503" = () => "no") {
  return startOrigin((request, response) => {
    const how = fails();
    if (how === "hangs up") request.socket.destroy();
    else response.writeHead(how === "503" ? 503 : 200, { "Cache-Control": "no-store" }).end(name);
  });
}

test("a request goes to another origin when one cannot be reached, whatever its method", async () => {
  await using other = await named("other");
  const site = { origins: { weight: 1000, others: [{ url: `http://127.0.0.1:${other.port}`, weight: 0 }] } };
  await using bed = await startTestbed({ origin: NOBODY, site, edge: { origin: FAST } });
  for (const [method, body] of [["GET"], ["POST", "some content"], ["PUT", "more"], ["PATCH", "all"]] as const) {
    const reply = await bed.get("/x", body === undefined ? { method } : { method, body });
    expect([method, reply.status, reply.body.toString()]).toEqual([method, 200, "other"]);
  }
  expect(other.requests.map(({ method }) => method)).toEqual(["GET", "POST", "PUT", "PATCH"]);
  expect(other.requests[0]?.headers.host).toBe(`127.0.0.1:${other.port}`);
});

test("a request that an origin may have carried out is repeated only if that does no harm", async () => {
  await using broken = await named("broken", () => "hangs up");
  await using other = await named("other");
  const site = {
    origins: {
      weight: 1000,
      others: [{ url: `http://127.0.0.1:${other.port}`, weight: 0 }],
      eject: { failures: 1000 },
    },
  };
  await using bed = await startTestbed({ origin: broken.port, site, edge: { origin: FAST } });
  for (const method of ["GET", "HEAD", "OPTIONS", "DELETE"])
    expect([method, (await bed.get("/x", { method })).status]).toEqual([method, 200]);
  for (const method of ["POST", "PATCH"])
    expect([method, (await bed.get("/x", { method })).status]).toEqual([method, 502]);
  expect((await bed.get("/x", { method: "PUT", body: "content" })).status).toBe(502);
  const sent = broken.requests.map(({ method }) => method);
  expect(sent).toEqual(["GET", "HEAD", "OPTIONS", "DELETE", "POST", "PATCH", "PUT"]);
});

test("retries are a fifth of the requests at most, however many fail", async () => {
  await using origin = await named("", () => "hangs up");
  const site = { origins: { retries: { attempts: 5 } } };
  await using bed = await startTestbed({ origin: origin.port, site, edge: { origin: FAST } });
  for (let i = 0; i < 100; i++) expect((await bed.get(`/${i}`)).status).toBe(502);
  // A few may be saved up, and each request may find that its connection was idle and closed.
  expect(origin.requests.length).toBeLessThanOrEqual(100 + 20 + 10);
  const [figures] = bed.edge.originsOf(bed.site);
  expect(figures?.requests).toBe(origin.requests.length);
  expect(figures?.retries).toBe(origin.requests.length - 100);
});

test("answers that the site names are asked for elsewhere, and the last one is passed on", async () => {
  let isOther503 = false;
  await using first = await named("first", () => "503");
  await using other = await named("other", () => (isOther503 ? "503" : "no"));
  const origins = {
    weight: 1000,
    others: [{ url: `http://127.0.0.1:${other.port}`, weight: 0 }],
    retries: { onStatus: [503] },
    eject: { failures: 1000 },
  };
  await using bed = await startTestbed({ origin: first.port, site: { origins } as never, edge: { origin: FAST } });
  expect((await bed.get("/a")).body.toString()).toBe("other");
  isOther503 = true;
  const reply = await bed.get("/b");
  expect([reply.status, reply.body.toString()]).toEqual([503, "other"]);
});

test("an origin that fails again and again is left alone for a while, and asked again later", async () => {
  let isBroken = true;
  await using first = await named("first", () => (isBroken ? "hangs up" : "no"));
  await using other = await named("other");
  const origins = {
    weight: 1000,
    others: [{ url: `http://127.0.0.1:${other.port}`, weight: 0 }],
    eject: { failures: 3, seconds: 1 },
  };
  await using bed = await startTestbed({ origin: first.port, site: { origins }, edge: { origin: FAST } });
  for (let i = 0; i < 10; i++) expect((await bed.get(`/${i}`)).body.toString()).toBe("other");
  expect(first.requests.length).toBe(3);
  isBroken = false;
  await until(() => bed.edge.originsOf(bed.site)[0]?.isEjected === false, "the end of its time");
  expect((await bed.get("/later")).body.toString()).toBe("first");
});

test("origins are checked as the site asks, and one out of order gets no requests", async () => {
  let isFine = true;
  await using first = await startOrigin((request, response) => {
    if (request.url === "/health") response.writeHead(isFine ? 200 : 500).end();
    else response.writeHead(200, { "Cache-Control": "no-store" }).end("first");
  });
  await using other = await named("other");
  const origins = {
    weight: 1000,
    others: [{ url: `http://127.0.0.1:${other.port}`, weight: 0 }],
    health: { path: "/health", everySeconds: 1, unhealthyAfter: 1, healthyAfter: 1 },
  };
  await using bed = await startTestbed({ origin: first.port, site: { origins } });
  const isHealthy = () => bed.edge.originsOf(bed.site)[0]?.isHealthy;
  expect((await bed.get("/a")).body.toString()).toBe("first");
  isFine = false;
  await until(() => isHealthy() === false, "the check to fail", 10_000);
  expect((await bed.get("/b")).body.toString()).toBe("other");
  isFine = true;
  await until(() => isHealthy() === true, "the check to pass", 10_000);
  expect((await bed.get("/c")).body.toString()).toBe("first");
  expect(first.requests.some(({ headers }) => headers["user-agent"] === "neson-health-check")).toBe(true);
}, 30_000);

test("all origins hear the name that the site gives, and redirects to any of them become paths of the site", async () => {
  await using second = await named("second");
  await using first = await startOrigin((_request, response) => {
    response.writeHead(302, { Location: `http://127.0.0.1:${second.port}/there`, "Cache-Control": "no-store" }).end();
  });
  const origins = { hostName: "www.example.test", others: [{ url: `http://127.0.0.1:${second.port}`, weight: 0 }] };
  await using bed = await startTestbed({ origin: first.port, site: { origins } });
  expect((await bed.get("/a")).headers.location).toBe("/there");
  expect(first.requests[0]?.headers.host).toBe("www.example.test");
});

test("stale-if-error still holds when every origin failed", async () => {
  let isBroken = false;
  const answer = () =>
    startOrigin((request, response) => {
      if (isBroken) request.socket.destroy();
      else response.writeHead(200, { "Cache-Control": "max-age=0, stale-if-error=600", ETag: '"k"' }).end("kept");
    });
  await using first = await answer();
  await using second = await answer();
  const origins = { others: [{ url: `http://127.0.0.1:${second.port}` }], retries: { attempts: 3 } };
  await using bed = await startTestbed({ origin: first.port, site: { origins }, edge: { origin: FAST } });
  expect((await bed.get("/a")).body.toString()).toBe("kept");
  isBroken = true;
  expect((await bed.get("/a")).body.toString()).toBe("kept");
  expect(first.requests.length + second.requests.length).toBeGreaterThanOrEqual(3);
});
