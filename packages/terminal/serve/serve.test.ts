import { expect, test } from "bun:test";
import { readdirSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { verifySignature } from "@neson/protocol/identity";
import { pingBytes } from "@neson/protocol/messages";
import { publish, seededBytes, sha256Hex } from "../testing/objects.ts";
import { startPair } from "../testing/start.ts";
import { until } from "../testing/until.ts";

const film = publish(seededBytes(700_000, 1));
const nowSeconds = () => Math.floor(Date.now() / 1000);

async function bodyHash(response: Response): Promise<string> {
  return sha256Hex(new Uint8Array(await response.arrayBuffer()));
}

function partHash(first: number, last: number): string {
  return sha256Hex(film.bytes.subarray(first, last + 1));
}

test("serve() answers GET, HEAD and conditions with the stored headers when the object is whole", async () => {
  await using pair = await startPair();
  const own = publish(seededBytes(300_000, 2), {
    headers: [
      ["Content-Type", "image/png"],
      ["X-Twice", "a"],
      ["X-Twice", "b"],
      ["ETag", '"v1"'],
      ["Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT"],
      ["Access-Control-Allow-Origin", "https://only.example"],
      ["Date", "Thu, 02 Jan 2025 00:00:00 GMT"],
    ],
  });
  await pair.router.store(own);
  // Three times: from disk, from disk while it is read into memory, from memory.
  for (let i = 0; i < 3; i++) {
    const response = await pair.get(pair.router.path(own));
    expect(response.status).toBe(200);
    expect(await bodyHash(response)).toBe(own.description.sha256);
    expect(response.headers.get("content-length")).toBe("300000");
    expect(response.headers.get("x-twice")).toBe("a, b");
    expect(response.headers.get("date")).toBe("Thu, 02 Jan 2025 00:00:00 GMT");
    expect(response.headers.get("access-control-allow-origin")).toBe("https://only.example");
    expect(response.headers.get("access-control-expose-headers")).toContain("Content-Range");
    expect(response.headers.get("timing-allow-origin")).toBe("*");
    expect(response.headers.get("accept-ranges")).toBe("bytes");
    await Bun.sleep(20);
  }
  const head = await pair.get(pair.router.path(own), { method: "HEAD" });
  expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "300000", ""]);
  const same = await pair.get(pair.router.path(own), { headers: { "If-None-Match": 'W/"v1"' } });
  expect([same.status, same.headers.get("etag"), await same.text()]).toEqual([304, '"v1"', ""]);
  const other = await pair.get(pair.router.path(own), { headers: { "If-None-Match": '"v0"' } });
  expect([other.status, await bodyHash(other)]).toEqual([200, own.description.sha256]);
  const failed = await pair.get(pair.router.path(own), { headers: { "If-Match": '"v0"' } });
  expect(failed.status).toBe(412);
});

test.each([
  ["in memory", 64 * 2 ** 20],
  ["on disk", 0],
])("serve() answers ranges when the object is %s", async (_where, memoryBytes) => {
  await using pair = await startPair({ config: { memoryBytes } });
  await pair.router.store(film);
  for (let i = 0; i < 2; i++) await (await pair.get(pair.router.path(film))).arrayBuffer();
  const ranged = (range: string, more = {}) =>
    pair.get(pair.router.path(film, { maxBytes: 10 ** 9 }), { headers: { Range: range, ...more } });
  const one = await ranged("bytes=262000-600000");
  expect([one.status, one.headers.get("content-range")]).toEqual([206, "bytes 262000-600000/700000"]);
  expect(await bodyHash(one)).toBe(partHash(262_000, 600_000));
  const suffix = await ranged("bytes=-1");
  expect([suffix.status, await bodyHash(suffix)]).toEqual([206, partHash(699_999, 699_999)]);
  const many = await ranged("bytes=0-9,500000-500009");
  const text = Buffer.from(await many.arrayBuffer());
  expect([many.status, many.headers.get("content-type")?.startsWith("multipart/byteranges")]).toEqual([206, true]);
  expect(text.includes(Buffer.from(film.bytes.subarray(500_000, 500_010)))).toBe(true);
  const beyond = await ranged("bytes=700000-");
  expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */700000"]);
  const ifRange = await ranged("bytes=0-9", { "If-Range": '"other"' });
  expect([ifRange.status, await bodyHash(ifRange)]).toEqual([200, film.description.sha256]);
});

test("serve() keeps to the ticket's bytes when the ticket is for a part", async () => {
  await using pair = await startPair();
  await pair.router.store(film);
  const path = pair.router.path(film, { firstByte: 1000, lastByte: 1999, maxBytes: 10 ** 6 });
  const ask = (headers: Record<string, string>) => pair.get(path, { headers });
  const inside = await ask({ Range: "bytes=1000-1999" });
  expect([inside.status, await bodyHash(inside)]).toEqual([206, partHash(1000, 1999)]);
  for (const headers of [
    {},
    { Range: "bytes=999-1999" },
    { Range: "bytes=1000-2000" },
    { Range: "bytes=1000-1001,5-6" },
  ]) {
    const refused = await ask(headers as Record<string, string>);
    expect([
      refused.status,
      (await refused.text()).startsWith("range refused: this ticket is for bytes 1000 to 1999"),
    ]).toEqual([403, true]);
  }
  const changed = await ask({ Range: "bytes=1000-1001", "If-Range": '"other"' });
  expect(changed.status).toBe(403);
});

test("serve() refuses tickets with a reason and never redirects on one that is not genuine", async () => {
  await using pair = await startPair();
  await pair.router.store(film);
  const good = pair.router.ticket(film);
  const flipped = `${good.slice(0, 100)}${good[100] === "A" ? "B" : "A"}${good.slice(101)}`;
  const cases: [string, string][] = [
    [`/v1/${good}/evil.example/x`, "forged"],
    [`/v1/${flipped}/video.example.test/x`, "forged"],
    [`/v1/${good}A/video.example.test/x`, "over-long"],
    [`/v1/${good.slice(1)}/video.example.test/x`, "malformed"],
    ["/v1/abc/video.example.test/x", "malformed"],
    [`/v1/${pair.router.ticket(film, { terminalId16: "ab".repeat(16) })}/video.example.test/x`, "foreign"],
    [`/v1/${pair.router.ticket(film, { keyDay: 1 })}/video.example.test/x`, "unknown-key"],
    // An expired ticket under another host must not become a redirect to that host.
    [`/v1/${pair.router.ticket(film, { expiresAt: 1 })}/evil.example/x`, "forged"],
  ];
  for (const [path, reason] of cases) {
    const response = await pair.get(path);
    expect([response.status, response.headers.get("location"), (await response.text()).split(":")[1]]).toEqual([
      403,
      null,
      ` ${reason}`,
    ]);
  }
  for (const path of ["/", "/v1/", `/v1/${good}`, "/favicon.ico", `/v1/${good}/`]) {
    expect((await pair.get(path)).status).toBe(404);
  }
});

test("serve() sends the client back to the site when the ticket is expired or used up", async () => {
  await using pair = await startPair();
  await pair.router.store(film);
  const location = "http://video.example.test/films/a%20b.mp4?x=1";
  const expired = await pair.get(pair.router.path(film, { expiresAt: nowSeconds() - 1 }));
  expect([expired.status, expired.headers.get("location"), expired.headers.get("cache-control")]).toEqual([
    307,
    location,
    "no-store",
  ]);
  expect(expired.headers.get("access-control-allow-origin")).toBe("*");
  const path = pair.router.path(film, { maxBytes: 700_001 });
  for (const status of [200, 200, 307]) {
    const response = await pair.get(path);
    await response.arrayBuffer();
    expect(response.status).toBe(status);
  }
  const head = await pair.get(path, { method: "HEAD" });
  expect(head.status).toBe(200);
});

test("serve() answers preflights and refuses other methods", async () => {
  await using pair = await startPair();
  const preflight = await pair.get("/v1/x/y/z", { method: "OPTIONS", headers: { Origin: "https://page.example" } });
  expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([204, "*"]);
  expect(preflight.headers.get("access-control-allow-headers")).toContain("Range");
  const post = await pair.get("/v1/x/y/z", { method: "POST" });
  expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
});

test("serve() answers a Router's ping with a signature over its nonce", async () => {
  await using pair = await startPair();
  const nonce = "5a".repeat(32);
  const answer = (await (await pair.get(`/v1/ping/${nonce}`)).json()) as Record<string, string>;
  expect(answer.terminalId).toBe(pair.terminal.ready.terminalId);
  expect(verifySignature(answer.publicKey ?? "", pingBytes(nonce), answer.signature ?? "")).toBe(true);
  expect((await pair.get("/v1/ping/xyz")).status).toBe(400);
});

test("serve() asks the Router and fills while serving when it lacks the object", async () => {
  await using pair = await startPair({ fillBytesPerSecond: 2_000_000 });
  pair.router.publish(film);
  const responses = await Promise.all([
    pair.get(pair.router.path(film)),
    pair.get(pair.router.path(film), { headers: { Range: "bytes=300000-" } }),
    pair.get(pair.router.path(film), { method: "HEAD" }),
  ]);
  expect(responses.map(({ status }) => status)).toEqual([200, 206, 200]);
  const [whole, part] = await Promise.all(responses.map(bodyHash));
  expect([whole, part]).toEqual([film.description.sha256, partHash(300_000, 699_999)]);
  expect(pair.router.received.filter(({ type }) => type === "want")).toHaveLength(1);
  await pair.router.heard(({ type }) => type === "stored");
});

test("serve() gets only the header set when it has the bytes under another one", async () => {
  await using pair = await startPair();
  await pair.router.store(film);
  const renamed = pair.router.publish(publish(film.bytes, { headers: [["content-type", "audio/mp4"]] }));
  const response = await pair.get(pair.router.path(renamed));
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "audio/mp4"]);
  expect(await bodyHash(response)).toBe(film.description.sha256);
  expect(pair.router.fillPaths).toHaveLength(1);
});

test("serve() sends the client back when the Router has nothing, or does not answer", async () => {
  await using pair = await startPair({ wants: "nothing" });
  const nothing = await pair.get(pair.router.path(film));
  expect([nothing.status, nothing.headers.get("location")]).toEqual([
    307,
    "http://video.example.test/films/a%20b.mp4?x=1",
  ]);
  await using silent = await startPair({ wants: "silence" });
  const startMs = performance.now();
  expect((await silent.get(silent.router.path(film))).status).toBe(307);
  expect(performance.now() - startMs).toBeGreaterThan(1900);
});

test("serve() never sends a file that was altered, cut or removed behind its back", async () => {
  await using pair = await startPair({ config: { memoryBytes: 0 } });
  const folder = join(pair.dataDir, "objects", film.description.objectId.slice(0, 2));
  const file = join(folder, film.description.objectId);
  const wrong = Uint8Array.from(film.bytes);
  wrong[400_000] = (wrong[400_000] ?? 0) ^ 1;
  const mischief = [
    () => writeFileSync(file, wrong),
    () => writeFileSync(file, film.bytes.subarray(0, 1000)),
    () => unlinkSync(file),
    () => utimesSync(file, new Date(), new Date()), // touched, yet right
  ];
  pair.router.publish(film);
  await pair.router.store(film);
  for (const act of mischief) {
    pair.router.received.length = 0;
    act();
    const response = await pair.get(pair.router.path(film));
    expect([response.status, await bodyHash(response)]).toEqual([200, film.description.sha256]);
    // All but the last had to be filled again.
    if (act !== mischief.at(-1)) await pair.router.heard(({ type }) => type === "stored");
  }
});

test("serve() ends open transfers with right bytes or a cut connection when the object is deleted", async () => {
  const large = publish(seededBytes(24 * 2 ** 20, 3));
  await using pair = await startPair({ config: { memoryBytes: 0 } });
  await pair.router.store(large);
  const responses = await Promise.all([1, 2, 3].map(() => pair.get(pair.router.path(large))));
  pair.router.send({ type: "delete", objectId: large.description.objectId, reason: "test" });
  for (const response of responses) expect(await bodyHash(response)).toBe(large.description.sha256);
  pair.router.objects.clear();
  expect((await pair.get(pair.router.path(large))).status).toBe(307);
});

test("serve() cuts the connection when a fill it feeds on is deleted", async () => {
  const large = publish(seededBytes(4 * 2 ** 20, 4));
  await using pair = await startPair({ fillBytesPerSecond: 2_000_000 });
  pair.router.publish(large);
  const response = await pair.get(pair.router.path(large));
  expect(response.status).toBe(200);
  pair.router.send({ type: "delete", objectId: large.description.objectId, reason: "test" });
  await expect(response.arrayBuffer()).rejects.toThrow();
  await pair.router.heard((message) => message.type === "failed" && message.code === "cancelled");
  await until("its files are gone", () => readdirSync(join(pair.dataDir, "partial")).length === 0);
});
