import { expect, test } from "bun:test";
import { RawClient } from "@neson/kit/http/raw-client";
import { type Ask, startOrigin, startTestbed, type TestbedOptions } from "../../packages/router/edge/testbed.ts";

/** An origin that writes all it is told into an answer for everyone, behind a Router. */
async function reflecting(site: TestbedOptions["site"] = {}, fields: Record<string, string> = {}) {
  const origin = await startOrigin((request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=600", ...fields });
    response.end(JSON.stringify({ method: request.method, target: request.url, headers: request.rawHeaders }));
  });
  const bed = await startTestbed({ origin: origin.port, site: { rules: [{ deliver: "router" }], ...site } });
  return {
    origin,
    bed,
    /** Whether what a visitor gets afterwards shows anything of what the attacker sent. */
    isPoisoned: async (attack: Ask & { target?: string }, mark = "evil") => {
      const target = attack.target ?? "/page";
      await bed.get(target, attack);
      const visitor = await bed.get(target);
      return visitor.body.toString().includes(mark) || JSON.stringify(visitor.rawHeaders).includes(mark);
    },
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

const CLAIMS = [
  "X-Forwarded-Host",
  "X-Forwarded-Server",
  "X-Forwarded-Port",
  "X-Forwarded-Scheme",
  "X-Forwarded-Proto",
  "X-Forwarded-Prefix",
  "X-Host",
  "X-Original-Host",
  "X-Original-URL",
  "X-Rewrite-URL",
  "Forwarded",
  "X-HTTP-Method-Override",
  "X-Method-Override",
  "X-Real-IP",
  "True-Client-IP",
  "If-None-Match",
  "If-Range",
];

test("attack: nothing that a client claims about URL, host, scheme or method gets into an answer for others", async () => {
  await using net = await reflecting();
  const poisoned: string[] = [];
  for (const name of CLAIMS)
    if (await net.isPoisoned({ target: `/${name}`, headers: { [name]: "evil" } })) poisoned.push(name);
  expect(poisoned).toEqual([]);
  expect(net.origin.requests.length).toBe(CLAIMS.length);
});

test("attack: a Host with another port, a dot or in upper case is the site's host, and none of it is told to the origin", async () => {
  for (const host of ["site.test:666", "SITE.test", "site.test.", "SITE.TEST.:666"]) {
    await using net = await reflecting();
    await net.bed.get("/page", { host });
    const visitor = await net.bed.get("/page");
    expect([host, net.origin.requests.length]).toEqual([host, 1]);
    expect(visitor.body.toString()).not.toContain("666");
    expect(net.origin.requests[0]?.headers["x-forwarded-host"]).toBe("site.test");
  }
});

test("attack: a Host that is no site's, or an absolute-form target, cannot choose another site's answer", async () => {
  await using net = await reflecting();
  expect((await net.bed.get("/page", { host: "evil.test" })).status).toBe(404);
  expect(net.origin.requests.length).toBe(0);
  // RFC 9112 3.2.2: the target's authority counts, not the Host field.
  using client = await RawClient.open(net.bed.port);
  const lines = ["GET http://evil.test/page HTTP/1.1", "Host: site.test", "Connection: close", "", ""];
  expect(await client.send(lines.join("\r\n")).until("closed")).toStartWith("HTTP/1.1 404");
  expect(net.origin.requests.length).toBe(0);
});

test("attack: two spellings of a path are two answers, each of what its origin was asked", async () => {
  await using net = await reflecting();
  const targets = [
    "/a/../page",
    "/page",
    "/./page",
    "//page",
    "/%70age",
    "/page;x",
    "/page%2f..%2fadmin",
    "/page%00",
    "/PAGE",
  ];
  for (const target of targets) {
    for (let i = 0; i < 2; i++) {
      const { target: asked } = JSON.parse((await net.bed.get(target)).body.toString());
      expect(asked).toBe(target);
    }
  }
  expect(net.origin.requests.length).toBe(targets.length);
});

test("attack: a query that does not count for the key does not reach the origin either", async () => {
  const queries: NonNullable<Parameters<typeof reflecting>[0]>["cache"][] = [
    { query: { use: "none" } },
    { query: { use: "unlisted", names: ["utm_*"] } },
    { query: { use: "listed", names: ["id"] } },
  ];
  for (const cache of queries) {
    await using net = await reflecting({ cache });
    expect(await net.isPoisoned({ target: "/page?utm_source=evil&id=1" })).toBe(false);
    await net.bed.get("/page?id=1&utm_source=other");
    expect(net.origin.requests.length).toBe(1);
  }
});

test("attack: a GET with content is its sender's alone", async () => {
  await using net = await reflecting();
  expect(await net.isPoisoned({ headers: { "Content-Length": "4" }, body: "evil" })).toBe(false);
  expect(net.origin.requests.length).toBe(2);
});

test("attack: fields that Connection lists do not choose a variant, since the origin does not see them", async () => {
  const origin = await startOrigin((request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=600", Vary: "Accept-Language" });
    response.end(String(request.headers["accept-language"] ?? "none"));
  });
  await using stop = origin;
  await using bed = await startTestbed({ origin: stop.port });
  const attack = { "Accept-Language": "de", Connection: "close, Accept-Language" };
  expect((await bed.get("/", { headers: attack })).body.toString()).toBe("none");
  expect((await bed.get("/", { headers: { "Accept-Language": "de" } })).body.toString()).toBe("de");
});

test("attack: Connection cannot take away what ends or addresses a request", async () => {
  await using net = await reflecting();
  const names = "Content-Length, Host, Via, Transfer-Encoding";
  await net.bed.get("/form", { method: "POST", body: "a=1", headers: { "Content-Length": "3", Connection: names } });
  const [seen] = net.origin.requests;
  expect([seen?.body, seen?.headers["content-length"], seen?.headers.via]).toEqual(["a=1", "3", "1.1 neson"]);
});

test("attack: Connection: Authorization makes a request without credentials of it, for origin and store alike", async () => {
  const origin = await startOrigin((request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=600" });
    response.end(request.headers.authorization === undefined ? "for all" : "for a member");
  });
  await using stop = origin;
  await using bed = await startTestbed({ origin: stop.port });
  const headers = { Authorization: "Basic x", Connection: "close, Authorization" };
  expect((await bed.get("/", { headers })).body.toString()).toBe("for all");
  const member = await bed.get("/", { headers: { Authorization: "Basic x" } });
  expect(member.body.toString()).toBe("for a member");
  expect((await bed.get("/")).body.toString()).toBe("for all");
});

test("attack: an error that one client's request caused is not kept for others", async () => {
  for (const [name, value] of [
    ["X-Big", "x".repeat(9000)],
    ["X-Odd", "%07"],
  ] as const) {
    const origin = await startOrigin((request, response) => {
      const isBad = JSON.stringify(request.headers).length > 8000 || request.headers["x-odd"] !== undefined;
      response
        .writeHead(isBad ? 400 : 200, isBad ? {} : { "Cache-Control": "max-age=600" })
        .end(isBad ? "bad" : "good");
    });
    await using stop = origin;
    const negative = { notFoundSeconds: 60, serverErrorSeconds: 60 };
    await using bed = await startTestbed({ origin: stop.port, site: { cache: { negative } } });
    expect((await bed.get("/", { headers: { [name]: value } })).status).toBe(400);
    expect((await bed.get("/")).body.toString()).toBe("good");
  }
});

test("attack: a redirect or an error with a cookie, or a page with one, is nobody else's", async () => {
  await using net = await reflecting({}, { "Set-Cookie": "session=evil" });
  expect(await net.isPoisoned({ headers: { "X-Mark": "evil" } }, '"X-Mark"')).toBe(false);
  expect(net.origin.requests.length).toBe(2);
  await using stripped = await reflecting({ cache: { setCookie: "strip" } }, { "Set-Cookie": "session=evil" });
  await stripped.bed.get("/page");
  expect((await stripped.bed.get("/page")).headers["set-cookie"]).toBeUndefined();
  expect(stripped.origin.requests.length).toBe(1);
});
