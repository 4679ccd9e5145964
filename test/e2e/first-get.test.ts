import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isAlive, startNetwork, type TestNetwork, until } from "./network.ts";
import { noise, sha256Of, startOrigin, type TestOrigin } from "./origin.ts";

const MIB = 1_048_576;
const PIECE_BYTES = 262_144;
const VIDEO = ["Content-Type", "video/mp4"];
const FRESH = ["Cache-Control", "public, max-age=600"];

const parts = new AsyncDisposableStack();
let origin: TestOrigin;
let network: TestNetwork;
const started: number[] = [];

// One network for the whole file, begun just as a person begins it.
beforeAll(async () => {
  origin = parts.use(await startOrigin());
  origin.files.set("/", { bytes: Buffer.from("<p>home</p>"), headers: ["Content-Type", "text/html", ...FRESH] });
  network = parts.use(await startNetwork({ origin: origin.url, viaNpm: true }));
  started.push(network.facts.pids.router, ...network.facts.pids.terminals);
}, 60_000);

afterAll(async () => {
  await parts.disposeAsync();
  // Ctrl-C in `npm start` stops every process of the network.
  await until("every process to be gone", () => !started.some(isAlive), 10_000);
}, 30_000);

/** Puts a new file on the origin and gives its bytes. */
function publish(target: string, options: { size: number; seed: number; headers: string[] }): Uint8Array {
  const bytes = noise(options.size, options.seed);
  origin.files.set(target, { bytes, headers: options.headers });
  return bytes;
}

/** One request to the site, a redirect not followed. */
function ask(target: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(new URL(target, network.facts.site), { redirect: "manual", headers });
}

/** One request to the site, its redirect followed. */
function follow(target: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(new URL(target, network.facts.site), { headers });
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

function originRequests(target: string): TestOrigin["requests"] {
  return origin.requests.filter((request) => request.target === target);
}

/** Origin of an answer's Location. */
function originOf(location: string | null): string {
  return new URL(location ?? "about:blank").origin;
}

/** URLs of the rel=duplicate links, in their order. */
function mirrorsOf(response: Response): string[] {
  return [...(response.headers.get("Link") ?? "").matchAll(/<([^>]+)>; rel=duplicate; pri=\d+/g)].map(
    ([, url]) => url ?? "",
  );
}

/** Files of exactly that size anywhere below a directory. */
async function filesOfSize(directory: string, size: number): Promise<string[]> {
  const names = await readdir(directory, { recursive: true });
  const sizes = await Promise.all(names.map((name) => stat(join(directory, name)).catch(() => undefined)));
  return names.filter((_, index) => sizes[index]?.isFile() && sizes[index]?.size === size);
}

test("a 20 MiB file streams from the origin first, and comes from Terminals ever after", async () => {
  const bytes = publish("/film.mp4", { size: 20 * MIB, seed: 1, headers: [...VIDEO, ...FRESH, "ETag", '"film"'] });
  const sha256 = sha256Of(bytes);

  origin.slowness.blockMs = 2; // 320 blocks: at least 0.6 s
  const first = await ask("/film.mp4");
  expect(first.status).toBe(200);
  const hash = createHash("sha256");
  let firstByteAtMs = 0;
  for await (const chunk of first.body ?? []) {
    if (firstByteAtMs === 0) firstByteAtMs = performance.now();
    hash.update(chunk);
  }
  const tookMs = performance.now() - firstByteAtMs;
  origin.slowness.blockMs = 0;
  expect(hash.digest("hex")).toBe(sha256);
  // The client had bytes in hand long before the origin had sent the last one.
  expect(tookMs).toBeGreaterThan(500);

  const base64 = Buffer.from(sha256, "hex").toString("base64");
  for (let again = 0; again < 3; again++) {
    const answer = await ask("/film.mp4");
    expect(answer.status).toBe(307);
    expect(network.facts.terminals).toContain(originOf(answer.headers.get("Location")));
    const sources = [answer.headers.get("Location") ?? "", ...mirrorsOf(answer)];
    expect(sources.length).toBeGreaterThanOrEqual(3);
    expect(new Set(sources.map((url) => new URL(url).hostname)).size).toBe(sources.length);
    expect(answer.headers.get("Digest")).toBe(`SHA-256=${base64}`);
    expect(answer.headers.get("Repr-Digest")).toBe(`sha-256=:${base64}:`);
    expect(answer.headers.get("Cache-Status")).toMatch(/^NESON; hit; ttl=\d+/);
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    const source = await fetch(sources[again] ?? "", { redirect: "manual" });
    expect(source.status).toBe(200);
    expect(source.headers.get("Content-Type")).toBe("video/mp4");
    expect(source.headers.get("ETag")).toBe('"film"');
    expect(source.headers.get("Content-Length")).toBe(String(bytes.length));
    expect(sha256Of(await bytesOf(source))).toBe(sha256);
  }
  expect(originRequests("/film.mp4")).toHaveLength(1);
}, 30_000);

test("a Range is answered 206 with the right bytes by way of the redirect", async () => {
  const bytes = publish("/range.mp4", { size: 3 * MIB + 17, seed: 2, headers: [...VIDEO, ...FRESH] });
  await bytesOf(await follow("/range.mp4"));
  const spans = [
    [1_000_001, 1_999_999],
    [0, 0],
    [bytes.length - 5, bytes.length - 1],
  ] as const;
  for (const [from, to] of spans) {
    const answer = await follow("/range.mp4", { Range: `bytes=${from}-${to}` });
    expect(answer.redirected).toBe(true);
    expect(network.facts.terminals).toContain(new URL(answer.url).origin);
    expect(answer.status).toBe(206);
    expect(answer.headers.get("Content-Range")).toBe(`bytes ${from}-${to}/${bytes.length}`);
    expect(Buffer.compare(await bytesOf(answer), bytes.subarray(from, to + 1))).toBe(0);
  }
  const beyond = await follow("/range.mp4", { Range: `bytes=${bytes.length}-` });
  expect(beyond.status).toBe(416);
  expect(beyond.headers.get("Content-Range")).toBe(`bytes */${bytes.length}`);
});

test("ten clients at once on a cold file make one origin request", async () => {
  const bytes = publish("/cold.mp4", { size: 6 * MIB, seed: 3, headers: [...VIDEO, ...FRESH] });
  origin.slowness.blockMs = 5;
  const answers = await Promise.all(Array.from({ length: 10 }, async () => bytesOf(await follow("/cold.mp4"))));
  origin.slowness.blockMs = 0;
  for (const answer of answers) expect(Buffer.compare(answer, bytes)).toBe(0);
  expect(originRequests("/cold.mp4")).toHaveLength(1);
});

test.each([
  ["ETag", ["ETag", '"only-this"'], "if-none-match", '"only-this"'],
  [
    "Last-Modified",
    ["Last-Modified", "Sat, 03 Oct 2015 10:20:30 GMT", "Cache-Control", "max-age=0"],
    "if-modified-since",
    "Sat, 03 Oct 2015 10:20:30 GMT",
  ],
] as const)("a file with only %s is revalidated each time, and still steered", async (name, headers, asked, value) => {
  const target = `/only-${name}.mp4`;
  const bytes = publish(target, { size: 300_000, seed: 4, headers: [...VIDEO, ...headers] });
  expect(Buffer.compare(await bytesOf(await ask(target)), bytes)).toBe(0);
  for (let again = 0; again < 2; again++) {
    const answer = await ask(target);
    expect(answer.status).toBe(307);
    expect(answer.headers.get("Cache-Status")).toContain("fwd-status=304");
    expect(Buffer.compare(await bytesOf(await fetch(answer.headers.get("Location") ?? "")), bytes)).toBe(0);
  }
  const requests = originRequests(target);
  expect(requests.map(({ status }) => status)).toEqual([200, 304, 304]);
  expect(requests.map((request) => request.headers[asked])).toEqual([undefined, value, value]);

  const changed = noise(310_000, 5);
  origin.files.set(target, { bytes: changed, headers: [...VIDEO, "ETag", '"new"'] });
  expect(Buffer.compare(await bytesOf(await follow(target)), changed)).toBe(0);
  expect(Buffer.compare(await bytesOf(await follow(target)), changed)).toBe(0);
});

test.each([
  ["page.html", "text/html; charset=utf-8", 100_000],
  ["style.css", "text/css", 100_000],
  ["script.js", "text/javascript", 100_000],
  ["list.m3u8", "application/vnd.apple.mpegurl", 100_000],
  ["icon.png", "image/png", 4000],
])("%s is answered by the Router itself", async (name, contentType, size) => {
  const bytes = publish(`/own/${name}`, { size, seed: 6, headers: ["Content-Type", contentType, ...FRESH] });
  for (const expected of [/stored/, /^NESON; hit/, /^NESON; hit/]) {
    const answer = await ask(`/own/${name}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Content-Type")).toBe(contentType);
    expect(answer.headers.get("Cache-Status")).toMatch(expected);
    expect(Buffer.compare(await bytesOf(answer), bytes)).toBe(0);
  }
  expect(originRequests(`/own/${name}`)).toHaveLength(1);
});

test.each([
  ["no-store", 400_123],
  ["private", 400_321],
])("what the origin calls %s is passed on each time and stored nowhere", async (directive, size) => {
  const target = `/secret-${directive}.mp4`;
  const headers = [...VIDEO, "Cache-Control", `${directive}, max-age=600`, "ETag", '"s"'];
  const bytes = publish(target, { size, seed: 7, headers });
  for (let again = 0; again < 3; again++) {
    const answer = await ask(target);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Cache-Control")).toBe(`${directive}, max-age=600`);
    expect(answer.headers.get("Cache-Status")).not.toMatch(/stored|hit/);
    expect(Buffer.compare(await bytesOf(answer), bytes)).toBe(0);
  }
  expect(originRequests(target).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(await filesOfSize(network.dataDir, size)).toEqual([]);
});

test("a client that prefers Metalink gets the sources and the hash of every piece", async () => {
  const size = 5 * PIECE_BYTES + 4321;
  const bytes = publish("/some/big%20file.bin", {
    size,
    seed: 8,
    headers: ["Content-Type", "application/octet-stream", ...FRESH],
  });
  await bytesOf(await follow("/some/big%20file.bin"));
  expect(await until("the file to be stored", async () => (await filesOfSize(network.dataDir, size)).length > 0)).toBe(
    true,
  );
  const answer = await ask("/some/big%20file.bin", { Accept: "application/metalink4+xml" });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("Content-Type")).toBe("application/metalink4+xml");
  const document = await answer.text();
  expect(document).toContain(`<file name="big file.bin">`);
  expect(document).toContain(`<size>${size}</size>`);
  expect(document).toContain(`<hash type="sha-256">${sha256Of(bytes)}</hash>`);
  const list = /<pieces length="262144" type="sha-256">([\s\S]*)<\/pieces>/.exec(document)?.[1] ?? "";
  const pieces: string[] = [];
  for (let at = 0; at < size; at += PIECE_BYTES) pieces.push(sha256Of(bytes.subarray(at, at + PIECE_BYTES)));
  expect([...list.matchAll(/<hash>([0-9a-f]{64})<\/hash>/g)].map(([, hash]) => hash)).toEqual(pieces);
  const urls = [...document.matchAll(/<url priority="\d+">([^<]+)<\/url>/g)].map(([, url]) => url ?? "");
  const hosts = urls.map((url) => new URL(url).origin);
  expect(new Set(hosts)).toEqual(new Set([...network.facts.terminals, new URL(network.facts.site).origin]));
  for (const url of urls) expect(Buffer.compare(await bytesOf(await fetch(url)), bytes)).toBe(0);
});
