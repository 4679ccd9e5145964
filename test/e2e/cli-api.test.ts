import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { needs } from "../needs.ts";
import { neson, type Running, start, temporaryDirectory } from "./network.ts";

// The commands that speak to a Router, as its operator uses them and as somebody with a key does from elsewhere.

const parts = new AsyncDisposableStack();
let router: Running;
let data: string[];
let url: string;
let siteUrl: string;
let directory: string;

beforeAll(async () => {
  directory = parts.use(await temporaryDirectory()).path;
  data = ["--data", join(directory, "router")];
  const ports = ["--listen-port", "0", "--control-port", "0"];
  router = parts.use(start(["router", "run", ...data, ...ports], join(directory, "router.json")));
  ({ controlUrl: url, url: siteUrl } = await router.ready<{ controlUrl: string; url: string }>());
}, 30_000);

afterAll(() => parts.disposeAsync());

/** What a command prints when it does what it is asked. */
async function told(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await neson([...args, ...data]);
  expect({ args, code, stderr: stderr.includes("neson: ") }).toEqual({ args, code: 0, stderr: false });
  return stdout;
}

const withKey = (key: string, ...args: string[]) => neson([...args, "--api", url], { env: { NESON_API_KEY: key } });

test("sites are listed as a table, shown by what is special about them, and delivered by rules", async () => {
  expect(await told("site", "ls")).toBe("no sites yet; add one with: neson site add\n");
  const films = ["--name", "films", "--host", "films.test", "www.films.test", "--origin", "https://o.test"];
  await told("site", "add", ...films, "--rule", "/live/*=router");
  expect(await told("site", "ls")).toBe(
    "NAME   HOSTS                       ORIGIN          RULES\nfilms  films.test, www.films.test  https://o.test  1\n",
  );
  const rules = await told("site", "rules", "films", "--rule", "type:video/*=verified", "--rule", "/a/*=redirect");
  expect(rules).toBe(
    "PATH  TYPE     BYTES  DELIVERED\nany   video/*  any    verified\n/a/*  any      any    redirect\n",
  );
  await told("site", "add", ...films);
  expect(JSON.parse(await told("site", "rules", "films", "--json")).length).toBe(2);
  expect(await told("site", "rules", "films", "--clear")).toContain("no rules of its own");
  expect(await told("site", "show", "films")).toBe(
    "name    films\nhosts   films.test\n        www.films.test\norigin  https://o.test\nrules   none: the network's own\n",
  );
}, 60_000);

test("a site is put as a file has it, and what show prints can be put again", async () => {
  const file = join(directory, "site.json");
  const put = {
    name: "shop",
    hosts: ["shop.test"],
    origin: "https://shop-origin.test",
    cache: { staleIfErrorSeconds: 5 },
  };
  await writeFile(file, JSON.stringify(put));
  expect(await told("site", "put", file)).toBe("site shop: shop.test → https://shop-origin.test\n");
  const shown = await told("site", "show", "shop", "--json");
  expect(JSON.parse(shown).cache.staleIfErrorSeconds).toBe(5);
  await writeFile(file, shown);
  await told("site", "put", file);
  expect(await told("site", "show", "shop", "--json")).toBe(shown);
  await writeFile(file, "[]");
  const refused = await neson(["site", "put", file, ...data]);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("found no object")]);
  await told("site", "rm", "shop");
}, 60_000);

test("a key made here works from elsewhere as far as it may, until it is removed", async () => {
  const key = (await told("key", "add", "--name", "deploy", "--scope", "sites:read", "--site", "films")).trim();
  const id = key.split("_")[1] ?? "";
  expect((await withKey(key, "site", "ls")).stdout).toContain("films.test");
  const refused = await withKey(key, "site", "rm", "films");
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("lacks the scope sites:write")]);
  expect(await told("key", "ls")).toMatch(new RegExp(`${id}  deploy  sites:read  films  \\d{4}-.*Z  active\n$`));
  const second = (await told("key", "rotate", id, "--overlap", "1h")).trim();
  for (const one of [key, second]) expect((await withKey(one, "site", "ls")).code).toBe(0);
  await told("key", "rm", id);
  expect((await withKey(key, "site", "ls")).stderr).toContain("neither expired nor revoked");
  expect(JSON.parse(await told("key", "ls", "--json")).length).toBe(2);
}, 60_000);

test("--api without a key, and scopes that are none, are refused in one line", async () => {
  const keyless = await neson(["site", "ls", "--api", url]);
  expect([keyless.code, keyless.stderr]).toEqual([2, expect.stringMatching(/^neson: --api .* NESON_API_KEY\n$/)]);
  const unknown = await neson(["key", "add", "--name", "x", "--scope", "everything", ...data]);
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringMatching(/^neson: .*body\.scopes\.0.*\n$/)]);
});

test("site sign prints a URL that opens what needs a signature, though the secret never leaves the Router", async () => {
  const key = (await told("key", "add", "--name", "setup", "--scope", "sites:write")).trim();
  const signing = { paths: ["/paid/*"], keys: [{ id: "key-1", secret: "0123456789abcdefghijklmnop" }] };
  await fetch(`${url}/api/v1/sites/films/access`, {
    method: "PATCH",
    headers: { Authorization: `Bearer ${key}` },
    body: JSON.stringify({ signing }),
  });
  expect(await told("site", "show", "films")).not.toContain("0123456789");
  const sign = ["site", "sign", "https://films.test/paid/a.mp4", "--key", "key-1", "--expires", "1h"];
  expect(await told(...sign)).toStartWith("https://films.test/paid/a.mp4?neson-signature=key-1.");
  expect(await told(...sign, "--in-path", "--prefix", "/paid/")).toEndWith("/paid/a.mp4\n");
}, 60_000);

test("site cap sets what a website may cost and shows the month, site stats and logs what it is asked", async () => {
  await neson(["site", "add", "--name", "news", "--host", "news.test", "--origin", "https://o.test", ...data]);
  expect(await told("site", "cap", "news")).toMatch(/^site {7}news\nmonth {6}\d{4}-\d\d \(UTC\)\nused {7}0 B by T/);
  const set = ["--amount", "49.90", "--at-limit", "stop", "--alert", "80", "100", "--webhook", "https://hooks.test/n"];
  const text = await told("site", "cap", "news", ...set);
  expect(text).toContain("cost       0.00 of 49.90 (0.0 %)\n");
  expect(text).toContain(
    "cap        49.90; at the cap: answer 509\nalerts at  80 %, 100 %\nwebhook    https://hooks.test/n\n",
  );
  const { spend, secret } = JSON.parse(await told("site", "cap", "news", "--no-webhook", "--new-secret", "--json"));
  expect(spend).toEqual({ cap: { amount: "49.90", atLimit: "stop" }, alertPercents: [80, 100] });
  expect(secret).toStartWith("whsec_");
  expect(await told("site", "cap", "news", "--none")).toContain("cap        none\n");
  expect(await told("site", "stats", "news", "--since", "2h")).toContain("nobody asked news for anything");
  expect(await told("site", "stats", "news", "--csv", "--by", "status")).toBe("at,status,requests,bytes\r\n");
  expect(JSON.parse(await told("site", "stats", "news", "--json")).figures).toEqual([]);
  const reading = told("site", "logs", "news", "--for", "3s", "--json", "--status", "5xx");
  const headers = { Host: "news.test", "Cache-Control": "only-if-cached" };
  const asking = setInterval(() => void fetch(siteUrl, { headers }), 200);
  const lines = (await reading).trim().split("\n");
  clearInterval(asking);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ site: "news", status: 504 });
}, 60_000);

test("site stats, logs and cap refuse in one line what they cannot mean", async () => {
  for (const args of [
    ["stats", "news", "--csv", "--json"],
    ["stats", "news", "--since", "yesterday"],
    ["stats", "news", "--by", "luck"],
    ["logs", "news", "--status", "6xx"],
    ["logs", "nowhere"],
    ["cap", "news", "--none", "--amount", "1"],
    ["cap", "news", "--amount", "much"],
    ["cap", "news", "--alert", "many"],
  ]) {
    const { code, stderr, stdout } = await neson(["site", ...args, ...data]);
    expect([args, code, stdout, stderr]).toEqual([args, 2, "", expect.stringMatching(/^neson: [^\n]+\n$/)]);
  }
}, 60_000);

test.skipIf(!needs("curl"))(
  "the examples of docs/api.md do what they say",
  async () => {
    // There from the tests before, unless this one runs alone.
    await neson(["site", "rm", "films", ...data]);
    const key = (await told("key", "add", "--name", "reader", "--scope", "sites:write", "audit:read")).trim();
    const document = await readFile(join(import.meta.dir, "../../docs/api.md"), "utf8");
    const blocks = [...document.matchAll(/```sh\n(.*?)```/gs)].map((match) => match[1] ?? "");
    const examples = blocks.filter((block) => block.includes("$api")).join("\n");
    const own = examples
      .replace(/^api=\S+/m, `api=${url}/api/v1;`)
      .replace("$(uuidgen)", "a-uuid")
      .replace("$(openssl rand -hex 24)", "0".repeat(48));
    const script = `set -euo pipefail\n${own.replaceAll("curl ", "curl --silent --show-error --fail-with-body --write-out '\\n' ")}`;
    const child = Bun.spawn(["bash", "-c", script], {
      env: { ...process.env, NESON_API_KEY: key },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    expect({ code: await child.exited, stderr, stdout }).toEqual({ code: 0, stderr: "", stdout: expect.any(String) });
    const [added, patched, rules, access, signed, audit] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(added).toMatchObject({ name: "films", rules: [] });
    expect(patched.cache.staleIfErrorSeconds).toBe(3600);
    expect(rules).toEqual([{ path: "/live/*", deliver: "router" }]);
    expect(access.signing.keys).toEqual([{ id: "key-1" }]);
    expect(signed.url).toContain("neson-signature=key-1.");
    expect(audit.records[0]).toMatchObject({ call: "signUrl", site: "films", callerName: "reader" });
  },
  30_000,
);
