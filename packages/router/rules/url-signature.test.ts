import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { joinSignature, openSignature, signTarget, signUrl, splitSignature } from "./url-signature.ts";

const KEY = { id: "k1", secret: "correct-horse-battery-staple" };
const OLD = { id: "k0", secret: "another-secret-of-some-length" };
const RIGHT = { expiresAtSeconds: 2_000_000_000 };

test("splitSignature() takes a signature out and leaves every other byte", () => {
  const cases: [target: string, rest: string, signature: string | undefined][] = [
    ["/a", "/a", undefined],
    ["/a?neson-signature=s", "/a", "s"],
    ["/a?x=1&neson-signature=s", "/a?x=1", "s"],
    ["/a?neson-signature=s&x=%2f&&y", "/a?x=%2f&&y", "s"],
    ["/a?", "/a?", undefined],
    ["/a?neson-signature=", "/a", ""],
    ["/a?xneson-signature=s", "/a?xneson-signature=s", undefined],
    ["/neson-signature=s", "/neson-signature=s", undefined],
    ["/~neson-signature.k.p.m/v/a.m3u8?q", "/v/a.m3u8?q", "k.p.m"],
    ["/~neson-signature.s", "/", "s"],
    ["/~neson-signature.s?q", "/?q", "s"],
    ["/~neson-signature.s//x", "//x", "s"],
    ["/v/~neson-signature.s/x", "/v/~neson-signature.s/x", undefined],
  ];
  for (const [target, rest, signature] of cases) {
    expect([target, splitSignature(target)]).toEqual([target, { target: rest, signature }]);
  }
  expect(splitSignature("/a?neson-signature=s&neson-signature=t")).toBe("several");
  expect(splitSignature("/~neson-signature.s/a?neson-signature=t")).toBe("several");
});

test("joinSignature() is undone by splitSignature()", () => {
  const target = fc.string({ maxLength: 30 }).map((text) => `/${text.replaceAll("~", "")}`);
  fc.assert(
    fc.property(target, fc.constantFrom("query" as const, "path" as const), (text, place) => {
      expect(splitSignature(joinSignature(text, "k.p.m", place))).toEqual({ target: text, signature: "k.p.m" });
    }),
  );
});

test("signTarget() makes what its documentation says, so that any language can", () => {
  const target = "/videos/a.mp4?quality=high";
  const payload = Buffer.from("expires=2000000000&client=192.0.2.0%2F24").toString("base64url");
  const mac = createHmac("sha256", KEY.secret).update(`neson-url-1\nk1.${payload}\n${target}`).digest("base64url");
  expect(signTarget(target, KEY, { ...RIGHT, client: "192.0.2.0/24" })).toBe(`k1.${payload}.${mac}`);
});

test("openSignature() gives what was granted, by any of the site's keys", () => {
  const right = { ...RIGHT, prefix: "/videos/", client: "192.0.2.0/24", methods: ["GET", "PUT"] };
  for (const key of [KEY, OLD]) {
    expect(openSignature(signTarget("/videos/a", key, right), [KEY, OLD], "/videos/b")).toEqual(right);
    expect(openSignature(signTarget("/a?b", key, RIGHT), [KEY, OLD], "/a?b")).toEqual(RIGHT);
  }
  expect(openSignature(signTarget("/a", OLD, RIGHT), [KEY], "/a")).toBeUndefined();
  expect(openSignature(signTarget("/a", { ...OLD, id: "k1" }, RIGHT), [KEY, OLD], "/a")).toBeUndefined();
});

test("openSignature() refuses any altered byte of target or signature", () => {
  const target = "/videos/a.mp4?quality=high";
  const rights = [RIGHT, { ...RIGHT, client: "192.0.2.7", methods: ["GET"] }];
  const place = fc.record({
    right: fc.constantFrom(...rights),
    at: fc.nat(400),
    to: fc.integer({ min: 0x20, max: 0x7e }),
  });
  fc.assert(
    fc.property(place, ({ right, at, to }) => {
      const signature = signTarget(target, KEY, right);
      expect(openSignature(signature, [KEY], target)).toEqual(right);
      const both = `${signature} ${target}`;
      const i = at % both.length;
      if (both[i] === String.fromCharCode(to) || i === signature.length) return;
      const altered = both.slice(0, i) + String.fromCharCode(to) + both.slice(i + 1);
      expect(
        openSignature(altered.slice(0, signature.length), [KEY], altered.slice(signature.length + 1)),
      ).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});

test("openSignature() refuses another spelling of the same bytes, what was cut or added, and what is no signature", () => {
  const signature = signTarget("/a", KEY, RIGHT);
  const last = signature.at(-1) ?? "";
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const twin = alphabet[alphabet.indexOf(last) ^ 1] ?? "";
  expect(Buffer.from(signature.slice(0, -1) + twin, "base64url").equals(Buffer.from(signature, "base64url"))).toBe(
    true,
  );
  const bad = [
    signature.slice(0, -1) + twin,
    `${signature}=`,
    `${signature}.`,
    signature.slice(0, -1),
    `${signature}A`,
  ];
  const worse = ["", "...", "k1..", "k1.p", "k1.p.m", `k1.${"A".repeat(3000)}.m`, "__proto__.p.m"];
  for (const text of [...bad, ...worse]) expect([text, openSignature(text, [KEY], "/a")]).toEqual([text, undefined]);
});

test("openSignature() refuses a prefix that does not end at a folder, though it was signed", () => {
  const text = signTarget("/a/b", KEY, { ...RIGHT, prefix: "/a" });
  expect(openSignature(text, [KEY], "/a-private")).toBeUndefined();
});

test("signUrl() signs for the query and for the path, and says what it cannot sign", () => {
  const url = "https://www.example.com/videos/a.m3u8?x=1";
  const inQuery = signUrl(url, KEY, RIGHT);
  expect(inQuery.startsWith(`${url}&neson-signature=k1.`)).toBe(true);
  const inPath = new URL(signUrl(url, KEY, { ...RIGHT, prefix: "/videos/", place: "path" }));
  expect(inPath.pathname.startsWith("/~neson-signature.k1.")).toBe(true);
  // The point of the path: a segment named in the playlist keeps the signature.
  const segment = new URL("segment-1.ts", inPath);
  const split = splitSignature(segment.pathname);
  if (split === "several" || split.signature === undefined) throw new Error("no signature");
  expect(openSignature(split.signature, [KEY], split.target)).toEqual({ ...RIGHT, prefix: "/videos/" });
  const refusals: [url: string, right: Parameters<typeof signUrl>[2], message: string][] = [
    ["ftp://x/a", RIGHT, "the URL"],
    [inQuery, RIGHT, "without a signature"],
    [url, { expiresAtSeconds: Number.NaN }, "time of expiry"],
    [url, { ...RIGHT, prefix: "/videos" }, "the prefix"],
    [url, { ...RIGHT, prefix: "/other/" }, "the prefix"],
    [url, { ...RIGHT, client: "everyone" }, "the client"],
  ];
  for (const [wrong, right, message] of refusals) expect(() => signUrl(wrong, KEY, right)).toThrow(message);
});
