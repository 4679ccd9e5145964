import { afterAll, beforeAll, expect, test } from "bun:test";
import { openSignature, splitSignature } from "../../rules/url-signature.ts";
import { openTestApi, type TestApi } from "../testing.ts";

const KEY = { id: "key-1", secret: "0123456789abcdefghijklmnop" };
const SIGNING = { paths: ["/paid/*"], keys: [KEY] };
const PATH = "/sites/films/signed-urls";
const WANTED = { url: "https://films.test/paid/a.mp4?x=1", keyId: "key-1", lifeSeconds: 60 };
let api: TestApi;

beforeAll(async () => {
  api = await openTestApi();
  const films = { name: "films", hosts: ["films.test"], origin: "https://origin.test", access: { signing: SIGNING } };
  await api.call("POST", "/sites", { body: films });
});

afterAll(() => api[Symbol.asyncDispose]());

test("a URL is signed with a key that nobody is shown", async () => {
  const { status, json, text } = await api.call("POST", PATH, {
    body: { ...WANTED, prefix: "/paid/", methods: ["GET"] },
  });
  expect([status, json.expiresAt]).toEqual([200, "2027-01-15T08:01:00.000Z"]);
  expect(text).not.toContain(KEY.secret);
  const split = splitSignature(json.url.slice("https://films.test".length));
  if (split === "several") throw new Error("expected one signature");
  expect(split.target).toBe("/paid/a.mp4?x=1");
  expect(openSignature(String(split.signature), [KEY], split.target)).toEqual({
    ...{ expiresAtSeconds: 1_800_000_060, prefix: "/paid/", methods: ["GET"] },
  });
});

test.each([
  ["another site's URL", { url: "https://other.test/a" }, 400, "bad-input"],
  ["an unknown key", { keyId: "key-2" }, 404, "no-such-signing-key"],
  ["a prefix of another path", { prefix: "/free/" }, 400, "bad-signed-url"],
  ["a client that is no address", { client: "localhost" }, 400, "bad-signed-url"],
  ["no time at all", { lifeSeconds: 0 }, 400, "bad-input"],
])("%s is not signed", async (_name, odd, status, code) => {
  expect((await api.call("POST", PATH, { body: { ...WANTED, ...odd } })).json).toMatchObject({ status, code });
});
