import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import type { Location } from "../geo/locate.ts";
import { AddressSet } from "../rules/address-set.ts";
import { type SignedRight, signTarget, signUrl } from "../rules/url-signature.ts";
import { type Ask, startOrigin, startTestbed, type TestbedOptions, testBytes } from "./testbed.ts";

const VIDEO = testBytes(100_000);
const KEY = { id: "k1", secret: "correct-horse-battery-staple" };
const TYPES: Record<string, string> = { mp4: "video/mp4", js: "text/javascript", txt: "text/plain" };

/** An origin of files, a site with these settings before it, and proxies on this machine that say who the client is. */
async function network(site: NonNullable<TestbedOptions["site"]>, more: Partial<TestbedOptions> = {}) {
  const origin = await startOrigin((request, response) => {
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const large = path.endsWith(".mp4");
    response.writeHead(200, {
      "Content-Type": TYPES[path.split(".").at(-1) ?? ""] ?? "text/plain",
      "Cache-Control": "max-age=600",
      "Access-Control-Allow-Origin": String(request.headers.origin ?? "https://origin-said.example"),
      "X-Powered-By": "something",
    });
    response.end(large ? VIDEO : "text");
  });
  const trustedProxies = { addresses: new AddressSet(["127.0.0.0/8"]), field: "x-forwarded-for" } as const;
  const places: Record<string, string> = { "192.0.2.1": "DE", "198.51.100.1": "US" };
  const locate = (address: string): Location => ({ country: places[address] ?? "ZZ" });
  const { edge, ...rest } = more;
  const bed = await startTestbed({
    origin: origin.port,
    site: { hosts: ["site.test", "www.site.test"], ...site },
    edge: { trustedProxies, ...edge },
    watch: { locate },
    ...rest,
  });
  return {
    origin,
    bed,
    get: bed.get,
    /** As a client at that address. */
    from: (address: string, target: string, ask: Ask = {}) =>
      bed.get(target, { ...ask, headers: { ...ask.headers, "X-Forwarded-For": address } }),
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

test("rules refuse methods with Allow, and bodies that are too large, before the origin is asked", async () => {
  await using net = await network({ access: { methods: ["GET", "POST"], maxBodyBytes: 10 } });
  const refused = await net.get("/a", { method: "DELETE" });
  expect([refused.status, refused.headers.allow]).toEqual([405, "GET, POST, HEAD"]);
  expect(refused.headers["cache-control"]).toBe("no-store");
  expect(refused.headers["cache-status"]).toBe('NESON; fwd=bypass; detail="method"');
  const large = await net.get("/a", { method: "POST", body: "x".repeat(11), headers: { "Content-Length": "11" } });
  expect([large.status, large.headers["cache-status"]]).toEqual([413, 'NESON; fwd=bypass; detail="body-size"']);
  expect(net.origin.requests.length).toBe(0);
  expect((await net.get("/a", { method: "POST", body: "x", headers: { "Content-Length": "1" } })).status).toBe(200);
  expect((await net.get("/a", { method: "HEAD" })).status).toBe(200);
});

test("rules let networks and countries in or out by path", async () => {
  await using net = await network({
    access: {
      addresses: [{ path: "/staff/*", allow: ["192.0.2.0/24"] }, { deny: ["203.0.113.7"] }],
      countries: [
        { path: "/films/*", allow: ["DE"] },
        { path: "/news/*", deny: ["DE", "ZZ"] },
      ],
    },
  });
  const cases: [address: string, target: string, status: number, reason?: string][] = [
    ["192.0.2.1", "/staff/a", 200],
    ["198.51.100.1", "/staff/a", 403, "address"],
    ["198.51.100.1", "/%73taff/a", 403, "address"],
    ["198.51.100.1", "/x/../staff/a", 403, "address"],
    ["203.0.113.7", "/", 403, "address"],
    ["192.0.2.1", "/films/a", 200],
    ["198.51.100.1", "/films/a", 403, "country"],
    ["203.0.113.8", "/films/a", 403, "country"],
    ["198.51.100.1", "/films%2Fa", 403, "country"],
    ["198.51.100.1", "/news/a", 200],
    ["192.0.2.1", "/news/a", 403, "country"],
    ["203.0.113.8", "/news/a", 403, "country"],
    ["203.0.113.8", "/", 200],
  ];
  for (const [address, target, status, reason] of cases) {
    const reply = await net.from(address, target);
    expect([address, target, reply.status]).toEqual([address, target, status]);
    if (reason !== undefined) expect(reply.headers["cache-status"]).toContain(`detail="${reason}"`);
  }
});

test("rules limit how often a client network comes, and say when to come back", async () => {
  const clock = new FakeClock();
  await using net = await network(
    { access: { rateLimits: [{ path: "/api/*", requests: 2, perSeconds: 10 }] } },
    { clock },
  );
  const statuses = async (address: string, target: string) => (await net.from(address, target)).status;
  expect([await statuses("192.0.2.1", "/api/a"), await statuses("192.0.2.99", "/api/b")]).toEqual([200, 200]);
  const refused = await net.from("192.0.2.5", "/%61pi/c");
  expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "5"]);
  expect(await statuses("192.0.3.1", "/api/a")).toBe(200);
  expect(await statuses("192.0.2.1", "/other")).toBe(200);
  clock.advance(5000);
  expect([await statuses("192.0.2.1", "/api/a"), await statuses("192.0.2.1", "/api/a")]).toEqual([200, 429]);
});

test("rules keep other websites from embedding", async () => {
  await using net = await network({
    access: { referrers: [{ path: "*.mp4", allow: ["*.partner.example"], allowEmpty: false }] },
  });
  const status = async (target: string, referer?: string) =>
    (await net.get(target, { headers: referer === undefined ? {} : { Referer: referer } })).status;
  expect(await status("/a.mp4", "https://www.site.test/page")).toBe(200);
  expect(await status("/a.mp4", "https://www.partner.example/")).toBe(200);
  expect(await status("/a.mp4", "https://thief.example/")).toBe(403);
  expect(await status("/a.mp4")).toBe(403);
  expect(await status("/a.txt", "https://thief.example/")).toBe(200);
});

test("rules close a site for maintenance, but not for those who mend it", async () => {
  await using net = await network({
    access: { maintenance: { text: "back at noon", retryAfterSeconds: 60, exceptAddresses: ["192.0.2.0/24"] } },
  });
  const reply = await net.get("/");
  expect([reply.status, reply.headers["retry-after"], String(reply.body)]).toEqual([
    503,
    "60",
    "503 Service Unavailable: back at noon\n",
  ]);
  expect((await net.from("192.0.2.1", "/")).status).toBe(200);
});

test("rules redirect to the canonical host, to https and by path", async () => {
  await using net = await network({
    rewrite: {
      canonicalHost: "www.site.test",
      upgradeToHttps: true,
      redirects: [{ path: "/old/*", to: "/new/{1}", status: 301 }],
    },
  });
  const go = async (target: string, host: string, proto?: string, method = "GET") => {
    const headers: Record<string, string> = proto === undefined ? {} : { "X-Forwarded-Proto": proto };
    const { status, headers: got } = await net.get(target, { host, headers, method });
    return [status, got.location];
  };
  expect(await go("/a?b=%2f", "site.test", "https")).toEqual([301, "https://www.site.test/a?b=%2f"]);
  expect(await go("/a", "site.test:8080", "http")).toEqual([301, "https://www.site.test/a"]);
  expect(await go("/a", "www.site.test", "http", "POST")).toEqual([308, "https://www.site.test/a"]);
  expect(await go("//evil.example/", "site.test", "https")).toEqual([301, "https://www.site.test//evil.example/"]);
  expect(await go("/old/x?q", "www.site.test", "https")).toEqual([301, "/new/x?q"]);
  expect(await go("/a", "www.site.test", "https")).toEqual([200, undefined]);
  // Nobody who is believed said how the viewer came: a redirect could go round for ever.
  expect(await go("/a", "www.site.test")).toEqual([200, undefined]);
});

test("rules change fields on the way to the origin and on every answer, and cached answers stay shared", async () => {
  await using net = await network({
    rewrite: {
      requestHeaders: [
        { name: "Authorization", set: "Bearer origin-secret" },
        { name: "X-Device", set: "any" },
        { name: "Cookie", remove: true },
      ],
      responseHeaders: [
        { name: "X-Powered-By", remove: true },
        { name: "Strict-Transport-Security", set: "max-age=60" },
        { path: "*.txt", name: "Cache-Control", set: "max-age=5" },
      ],
    },
  });
  const first = await net.get("/a.txt", { headers: { Cookie: "a=b", "X-Device": "mine" } });
  expect([first.status, first.headers["x-powered-by"]]).toEqual([200, undefined]);
  expect([first.headers["strict-transport-security"], first.headers["cache-control"]]).toEqual([
    "max-age=60",
    "max-age=5",
  ]);
  const seen = net.origin.requests[0]?.headers;
  expect([seen?.authorization, seen?.["x-device"], seen?.cookie]).toEqual(["Bearer origin-secret", "any", undefined]);
  const second = await net.get("/a.txt");
  expect(second.headers["cache-status"]).toStartWith("NESON; hit");

  net.bed.steering.terminals = 2;
  await net.get("/v.mp4");
  const steered = await net.get("/v.mp4");
  expect([steered.status, steered.headers["strict-transport-security"]]).toEqual([307, "max-age=60"]);
  expect(steered.headers["cache-control"]).toBe("no-store");
});

test("rules give CORS permissions when an answer leaves, for steered answers too, whatever is stored", async () => {
  await using net = await network({ rewrite: { cors: [{ origins: ["https://a.example", "https://b.example"] }] } });
  net.bed.steering.terminals = 2;
  const ask = (target: string, origin?: string) =>
    net.get(target, { headers: origin === undefined ? {} : { Origin: origin } });
  for (const target of ["/a.txt", "/v.mp4"]) {
    await ask(target, "https://a.example");
    for (const origin of ["https://a.example", "https://b.example"]) {
      const { status, headers } = await ask(target, origin);
      expect([target, status, headers["access-control-allow-origin"]]).toEqual([
        target,
        target === "/v.mp4" ? 307 : 200,
        origin,
      ]);
      expect(headers.vary).toContain("Origin");
    }
    const evil = await ask(target, "https://evil.example");
    expect([evil.headers["access-control-allow-origin"], evil.headers.vary]).toEqual([undefined, "Origin"]);
  }
  // The origin is not told who asks, so that it cannot make answers differ by it.
  expect(net.origin.requests.map(({ headers }) => headers.origin)).toEqual([undefined, undefined]);
});

test("rules answer preflights here", async () => {
  await using net = await network({
    access: { methods: ["GET", "PUT"], signing: { paths: ["*"], keys: [KEY] } },
    rewrite: { cors: [{ path: "/api/*", origins: ["https://a.example"], methods: ["PUT"], requestHeaders: ["x-a"] }] },
  });
  const preflight = (target: string, origin: string) =>
    net.get(target, {
      method: "OPTIONS",
      headers: { Origin: origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-a" },
    });
  const { status, headers } = await preflight("/api/x", "https://a.example");
  expect([status, headers["access-control-allow-origin"], headers["access-control-allow-methods"]]).toEqual([
    204,
    "https://a.example",
    "PUT",
  ]);
  expect((await preflight("/api/x", "https://evil.example")).status).toBe(403);
  expect((await preflight("/elsewhere", "https://a.example")).status).toBe(405);
  expect(net.origin.requests.length).toBe(0);
});

test("rules answer pages with credentials here, since a redirect would take their origin away", async () => {
  await using net = await network({ rewrite: { cors: [{ origins: ["https://a.example"], credentials: true }] } });
  net.bed.steering.terminals = 2;
  await net.get("/v.mp4");
  const page = await net.get("/v.mp4", { headers: { Origin: "https://a.example" } });
  expect([page.status, page.headers["access-control-allow-credentials"]]).toEqual([200, "true"]);
  expect((await net.get("/v.mp4")).status).toBe(307);
});

test("pages are not sent to Terminals for what the origin lets one page read", async () => {
  await using net = await network({});
  net.bed.steering.terminals = 2;
  await net.get("/v.mp4");
  for (const headers of [{ Origin: "https://a.example" }, { "Sec-Fetch-Mode": "cors" }] as Record<string, string>[])
    expect([headers, (await net.get("/v.mp4", { headers })).status]).toEqual([headers, 200]);
  expect((await net.get("/v.mp4")).status).toBe(307);
});

test("rules let signed URLs in, and keep the signature from cache, origin and Terminals", async () => {
  const clock = new FakeClock();
  const nowSeconds = Math.floor(clock.nowMs() / 1000);
  await using net = await network({ access: { signing: { paths: ["/videos/*"], keys: [KEY] } } }, { clock });
  net.bed.steering.terminals = 1;
  const sign = (path: string, right: Partial<SignedRight> & { place?: "query" | "path" } = {}) => {
    const url = new URL(signUrl(`http://site.test${path}`, KEY, { expiresAtSeconds: nowSeconds + 60, ...right }));
    return url.pathname + url.search;
  };
  expect((await net.get("/videos/a.mp4")).headers["cache-status"]).toContain('detail="signature-missing"');
  expect((await net.get("/open.txt")).status).toBe(200);

  const first = await net.from("192.0.2.1", sign("/videos/a.mp4?q=1", { client: "192.0.2.0/24" }));
  expect([first.status, first.body.equals(VIDEO)]).toEqual([200, true]);
  expect(net.origin.requests.at(-1)?.target).toBe("/videos/a.mp4?q=1");

  // Another signature, the same cache key; what Terminals are told is good for this one target only.
  const inPath = await net.get(sign("/videos/a.mp4?q=1", { prefix: "/videos/", place: "path" }));
  expect(inPath.status).toBe(307);
  const back = net.bed.steering.queries.at(-1)?.target ?? "";
  expect(back).toMatch(/^\/videos\/a\.mp4\?q=1&neson-signature=k1\./);
  expect((await net.get(back)).status).toBe(307);
  expect((await net.get(back.replace("a.mp4", "b.mp4"))).status).toBe(403);

  const refusals: [address: string, target: string, reason: string][] = [
    ["203.0.113.1", sign("/videos/a.mp4?q=1", { client: "192.0.2.0/24" }), "signature-client"],
    ["192.0.2.1", sign("/videos/a.mp4", { expiresAtSeconds: nowSeconds }), "signature-expired"],
    ["192.0.2.1", sign("/videos/a.mp4").replace("a.mp4", "b.mp4"), "signature-invalid"],
    ["192.0.2.1", sign("/videos/a.mp4").replace("/videos/", "/%76ideos/"), "signature-invalid"],
    ["192.0.2.1", `${sign("/videos/a.mp4")}&extra=1`, "signature-invalid"],
    ["192.0.2.1", `${sign("/videos/a.mp4")}&${sign("/videos/a.mp4").split("?")[1]}`, "signature-several"],
    ["192.0.2.1", "/%76ideos/a.mp4", "signature-missing"],
    ["192.0.2.1", "/x/../videos/a.mp4", "signature-missing"],
    [
      "192.0.2.1",
      sign("/videos/free/a", { prefix: "/videos/free/" }).replace("/free/", "/free/../"),
      "signature-prefix",
    ],
    [
      "192.0.2.1",
      sign("/videos/free/a", { prefix: "/videos/free/" }).replace("/free/", "/free/%2e%2e%2f"),
      "signature-prefix",
    ],
  ];
  for (const [address, target, reason] of refusals) {
    const reply = await net.from(address, target);
    expect([target, reply.status, reply.headers["cache-status"]]).toEqual([
      target,
      403,
      `NESON; fwd=bypass; detail="${reason}"`,
    ]);
  }
  const put = await net.get(sign("/videos/up"), { method: "PUT", body: "x" });
  expect(put.headers["cache-status"]).toContain("signature-method");
  expect((await net.get(sign("/videos/up", { methods: ["PUT"] }), { method: "PUT", body: "x" })).status).toBe(200);
  clock.advance(61_000);
  expect((await net.get(back)).headers["cache-status"]).toContain("signature-expired");
});

test("rules take the new key and the old one while a site changes keys", async () => {
  const old = { id: "k0", secret: "a-secret-that-is-on-its-way-out" };
  await using net = await network({ access: { signing: { paths: ["*"], keys: [KEY, old] } } });
  const expiresAtSeconds = Math.floor(Date.now() / 1000) + 60;
  for (const key of [KEY, old]) {
    const signature = signTarget("/a", key, { expiresAtSeconds });
    expect((await net.get(`/a?neson-signature=${signature}`)).status).toBe(200);
  }
});

test("rules of verified delivery redirect those alone who say that they check digests", async () => {
  await using net = await network({ rules: [{ path: "*.js", deliver: "verified" }] });
  net.bed.steering.terminals = 2;
  await net.get("/app.js");
  expect(net.bed.steering.placed.length).toBe(1);
  expect((await net.get("/app.js", { headers: { "Sec-Fetch-Dest": "script" } })).status).toBe(200);
  const checked = await net.get("/app.js", { headers: { "Want-Repr-Digest": "sha-256=9" } });
  expect([checked.status, checked.headers["repr-digest"]?.slice(0, 9)]).toEqual([307, "sha-256=:"]);
  expect(checked.headers.link).toContain("rel=duplicate");
  expect((await net.get("/app.js", { headers: { "Want-Digest": "SHA-256;q=1" } })).status).toBe(307);
  const metalink = await net.get("/app.js", { headers: { Accept: "application/metalink4+xml" } });
  expect([metalink.status, metalink.headers["content-type"]]).toEqual([200, "application/metalink4+xml"]);
});

test("the client's address is the socket's unless a trusted proxy says otherwise, everywhere", async () => {
  await using net = await network({ access: { addresses: [{ path: "/staff/*", allow: ["192.0.2.0/24"] }] } });
  net.bed.steering.terminals = 1;
  await net.from("198.51.100.9, 192.0.2.1", "/v.mp4");
  expect(net.origin.requests[0]?.headers["x-forwarded-for"]).toBe("198.51.100.9, 192.0.2.1");
  await net.from("198.51.100.9, 192.0.2.1", "/v.mp4");
  expect(net.bed.steering.queries.at(-1)?.clientAddress).toBe("192.0.2.1");
  // Written by the client itself, left of what the proxy saw.
  expect((await net.from("192.0.2.1, 198.51.100.1", "/staff/a")).status).toBe(403);

  const alone = { edge: { trustedProxies: undefined } };
  await using bare = await network({ access: { addresses: [{ allow: ["192.0.2.0/24"] }] } }, alone);
  expect((await bare.from("192.0.2.1", "/")).status).toBe(403);
});
