import { expect, test } from "bun:test";
import { RawClient } from "@neson/kit/http/raw-client";
import { AddressSet } from "../rules/address-set.ts";
import { signTarget } from "../rules/url-signature.ts";
import { startOrigin, startTestbed, type TestbedOptions } from "./testbed.ts";

const KEY = { id: "k1", secret: "correct-horse-battery-staple" };

/** An origin that says what it got, which may be stored, and trusts whatever it is told. */
async function gullible(site: NonNullable<TestbedOptions["site"]>, edge: TestbedOptions["edge"] = {}) {
  const origin = await startOrigin((request, response) => {
    response.writeHead(200, {
      "Cache-Control": "max-age=600",
      ...(request.headers.origin === undefined ? {} : { "Access-Control-Allow-Origin": request.headers.origin }),
    });
    response.end(`${request.url} ${request.headers["x-forwarded-for"]} ${request.headers.forwarded}`);
  });
  const bed = await startTestbed({ origin: origin.port, site, edge });
  return {
    origin,
    bed,
    /** Exactly these lines, and all that comes back. */
    raw: async (...lines: string[]) => {
      using client = await RawClient.open(bed.port);
      return await client.send([...lines, "Host: site.test", "Connection: close", "", ""].join("\r\n")).until("closed");
    },
    [Symbol.asyncDispose]: async () => {
      await bed[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

const statusOf = (reply: string) => Number(reply.split(" ", 2)[1]);
const locationsIn = (reply: string) => [...reply.matchAll(/^location: (.*)\r$/gim)].map((found) => found[1]);

test("attack: a redirect's capture cannot lead to another host or add a header line", async () => {
  await using net = await gullible({ rewrite: { redirects: [{ path: "/go*", to: "/{1}" }] } });
  const targets = ["/go//evil.example/", "/go/\\evil.example", "/go/%0d%0aSet-Cookie:%20a=b", "/go///\\//evil.example"];
  for (const target of targets) {
    const reply = await net.raw(`GET ${target} HTTP/1.1`);
    const [location = ""] = locationsIn(reply);
    expect([target, statusOf(reply)]).toEqual([target, 302]);
    expect(new URL(location, "https://site.test/").host).toBe("site.test");
    expect(reply.toLowerCase()).not.toContain("\nset-cookie");
  }
});

test("attack: taking a signature out does not make a path protected paths do not have", async () => {
  await using net = await gullible({ access: { signing: { paths: ["/paid/*"], keys: [KEY] } } });
  const free = signTarget("/free/a", KEY, { expiresAtSeconds: 9_999_999_999, prefix: "/free/" });
  const targets = [
    "/paid/a",
    "/paid/a?neson-signature=",
    "/paid/a?neson-signature=k1.x.y",
    `/paid/a?neson-signature=${free}`,
    `/~neson-signature.${free}/paid/a`,
    `/~neson-signature.${free}/free/../paid/a`,
    `/~neson-signature.${free}/free/%2e%2e/paid/a`,
    `/~neson-signature.${free}/free/..%5cpaid/a`,
    "/~neson-signature.x/paid/a",
    "/~neson-signature.x//paid/a",
    "/%70aid/a",
    "//paid/a",
    "/./paid/a",
    "/free/../paid/a",
    "/paid%2fa",
    "/PAID/../paid/a",
  ];
  for (const target of targets)
    expect([target, statusOf(await net.raw(`GET ${target} HTTP/1.1`))]).toEqual([target, 403]);
  // Absolute form and another method are no way in either.
  expect(statusOf(await net.raw("GET http://site.test/paid/a HTTP/1.1"))).toBe(403);
  expect(statusOf(await net.raw("POST /paid/a HTTP/1.1", "Content-Length: 0"))).toBe(403);
  expect(statusOf(await net.raw("HEAD /paid/a HTTP/1.1"))).toBe(403);
  expect(net.origin.requests.length).toBe(0);
  expect(statusOf(await net.raw(`GET /~neson-signature.${free}/free/a HTTP/1.1`))).toBe(200);
  expect(net.origin.requests.map(({ target }) => target)).toEqual(["/free/a"]);
});

test("attack: a client that writes X-Forwarded-For itself stays who it is", async () => {
  const settings = { access: { addresses: [{ allow: ["192.0.2.0/24"] }], rateLimits: [] } };
  await using direct = await gullible(settings);
  expect(statusOf(await direct.raw("GET / HTTP/1.1", "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1"))).toBe(
    403,
  );

  const trustedProxies = { addresses: new AddressSet(["127.0.0.1"]), field: "x-forwarded-for" } as const;
  await using behind = await gullible(settings, { trustedProxies });
  // What the proxy appends stands last, in its own line or in the client's.
  for (const lines of [
    ["X-Forwarded-For: 192.0.2.1, 203.0.113.5"],
    ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 203.0.113.5"],
  ])
    expect(statusOf(await behind.raw("GET / HTTP/1.1", ...lines))).toBe(403);
  expect(statusOf(await behind.raw("GET / HTTP/1.1", "Forwarded: for=192.0.2.1"))).toBe(403);
  const told = await behind.raw("GET / HTTP/1.1", "X-Forwarded-For: 10.1.1.1, 192.0.2.1", "Forwarded: for=6.6.6.6");
  expect(statusOf(told)).toBe(200);
  expect(told).toContain("/ 10.1.1.1, 192.0.2.1 undefined");
});

test("attack: changing addresses within a network does not dodge a rate limit", async () => {
  const trustedProxies = { addresses: new AddressSet(["127.0.0.1"]), field: "x-forwarded-for" } as const;
  await using net = await gullible({ access: { rateLimits: [{ requests: 3, perSeconds: 3600 }] } }, { trustedProxies });
  const statuses: number[] = [];
  for (let i = 0; i < 5; i++)
    statuses.push(statusOf(await net.raw(`GET /${i} HTTP/1.1`, `X-Forwarded-For: 2001:db8:1:${i}::${i}`)));
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
});

test("attack: one page's permission is not stored for others, nor does an unknown page get any", async () => {
  await using net = await gullible({ rewrite: { cors: [{ origins: ["https://good.example"], credentials: true }] } });
  const ask = (...lines: string[]) => net.raw("GET /a HTTP/1.1", ...lines);
  const permission = (reply: string) => /^access-control-allow-origin: (.*)\r$/im.exec(reply)?.[1];
  expect(permission(await ask("Origin: https://evil.example"))).toBeUndefined();
  expect(permission(await ask("Origin: https://good.example"))).toBe("https://good.example");
  expect(permission(await ask("Origin: https://evil.example"))).toBeUndefined();
  expect(permission(await ask("Origin: null"))).toBeUndefined();
  expect(permission(await ask("Origin: https://good.example", "Origin: https://evil.example"))).toBeUndefined();
  expect(await ask()).toMatch(/^vary: origin\r$/im);
  expect(net.origin.requests.length).toBe(1);
});

test("attack: a spelling that only the origin understands does not get another path's permission", async () => {
  await using net = await gullible({ rewrite: { cors: [{ path: "/open/*", origins: ["*"] }] } });
  for (const target of ["/open/../private", "/open/%2e%2e/private", "/private/..%2fopen/x"]) {
    const reply = await net.raw(`GET ${target} HTTP/1.1`, "Origin: https://evil.example");
    expect([target, /^access-control-/im.test(reply)]).toEqual([target, false]);
  }
});
