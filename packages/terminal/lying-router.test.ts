import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { generateIdentity } from "@neson/protocol/identity";
import type { Manifest } from "@neson/protocol/manifest";
import type { TerminalMessage } from "@neson/protocol/messages";
import type { FillRequest } from "./testing/fake-router.ts";
import { type Published, publish, saveOf, seededBytes } from "./testing/objects.ts";
import { startPair } from "./testing/start.ts";
import { until } from "./testing/until.ts";

type Failed = Extract<TerminalMessage, { type: "failed" }>;

const film = publish(seededBytes(900_000, 1));
const long = publish(seededBytes(900_000, 2), { inline: false });
const good = publish(seededBytes(300_000, 3));

/** Bounds short enough to wait for. */
const limits = { idleMs: 300, pieceMs: 600, maxFailures: 3 };
/** However it goes about it, a lying source is done with after this: maxFailures tries and the pauses between them. */
const BOUND_MS = 6000;

/** A body that goes on for ever, so many bytes every few milliseconds. */
function endless(bytes: Uint8Array, everyMs: number): Response {
  const pull = async (controller: ReadableStreamDefaultController) => {
    await Bun.sleep(everyMs);
    controller.enqueue(bytes);
  };
  return new Response(new ReadableStream({ pull }));
}

/** A promise that a silent server answers with: never. */
const silence = () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));

const other = seededBytes(900_000, 99);

test.each<[string, Published, Failed["code"], (request: FillRequest) => Response | undefined]>([
  ["other bytes", film, "bad-bytes", () => new Response(other.slice())],
  [
    "bytes of another place",
    film,
    "unreachable",
    () => new Response(film.bytes.slice(5), { status: 206, headers: { "Content-Range": "bytes 5-899999/900000" } }),
  ],
  ["half of the body", film, "unreachable", ({ number }) => new Response(film.bytes.slice(0, number))],
  ["nothing", film, "unreachable", silence],
  ["a drip", film, "unreachable", () => endless(film.bytes.slice(0, 100), 20)],
  ["other bytes without end", film, "bad-bytes", () => endless(other.slice(0, 50_000), 1)],
  [
    "a redirect elsewhere",
    film,
    "unreachable",
    () => new Response(null, { status: 302, headers: { Location: "http://127.0.0.1:1/" } }),
  ],
  ["a refusal", film, "unreachable", () => new Response("no", { status: 403 })],
  ["an error", film, "unreachable", () => new Response("no", { status: 500 })],
  [
    "a wrong piece list",
    long,
    "bad-manifest",
    ({ isPieceList }) => (isPieceList ? new Response(new Uint8Array(128)) : undefined),
  ],
  [
    "a piece list without end",
    long,
    "unreachable",
    ({ isPieceList }) => (isPieceList ? endless(new Uint8Array(64), 1) : undefined),
  ],
  [
    "a piece list in drips",
    long,
    "unreachable",
    ({ isPieceList }) => (isPieceList ? endless(new Uint8Array(1), 50) : undefined),
  ],
  ["no piece list", long, "unreachable", ({ isPieceList }) => (isPieceList ? silence() : undefined)],
])(
  "Terminal reports, keeps nothing and serves on, within seconds, when a Router sends %s",
  async (_what, object, code, onFill) => {
    let isLying = false;
    await using pair = await startPair({ limits, onFill: (request) => (isLying ? onFill(request) : undefined) });
    await pair.router.store(good);
    isLying = true;
    const startMs = performance.now();
    pair.router.save(object);
    await pair.router.heard(({ type }) => type === "failed", BOUND_MS);
    expect(performance.now() - startMs).toBeLessThan(BOUND_MS);
    const failure = pair.router.received.find(({ type }) => type === "failed") as Failed;
    expect(failure).toMatchObject({ objectId: object.description.objectId, headersId: object.headersId, code });
    expect(failure.detail.length).toBeGreaterThan(10);
    const { objectId } = object.description;
    expect(existsSync(join(pair.dataDir, "objects", objectId.slice(0, 2), objectId))).toBe(false);
    const response = await pair.get(pair.router.path(good));
    expect(Buffer.compare(await response.bytes(), good.bytes)).toBe(0);
    // Once it tells the truth, it gets what it ordered.
    isLying = false;
    await pair.router.store(object);
    expect(Buffer.compare(await (await pair.get(pair.router.path(object))).bytes(), object.bytes)).toBe(0);
  },
  20_000,
);

test("Terminal takes a body that goes on after the end for what it should be, and breaks it off", async () => {
  let sentBytes = 0;
  const onFill = () => {
    const pull = async (controller: ReadableStreamDefaultController) => {
      const block =
        sentBytes < film.bytes.length ? film.bytes.slice(sentBytes, sentBytes + 100_000) : new Uint8Array(50_000);
      sentBytes += block.length;
      await Bun.sleep(1);
      controller.enqueue(block);
    };
    return new Response(new ReadableStream({ pull }));
  };
  await using pair = await startPair({ limits, onFill });
  await pair.router.store(film);
  const bytesThen = await until("the source is left alone", async () => {
    const before = sentBytes;
    await Bun.sleep(50);
    return sentBytes === before;
  });
  expect(bytesThen).toBeUndefined();
  expect(Buffer.compare(await (await pair.get(pair.router.path(film))).bytes(), film.bytes)).toBe(0);
});

test("Terminal believes no manifest that its Router has not signed, and none that describes another object than it names", async () => {
  await using pair = await startPair();
  const { identity } = pair.router;
  const fillUrl = `${pair.router.url}/v1/fill/none`;
  // `signManifest` would refuse to sign these.
  const sign = (manifest: Manifest) => {
    const body = JSON.stringify(manifest);
    return { body, signature: identity.sign(Buffer.from(`neson-manifest-1\n${body}`)) };
  };
  // Signed by somebody else; signed and then altered; an id, a header set or a piece list that belongs to something else.
  pair.router.send(saveOf(film, fillUrl, generateIdentity()));
  const honest = saveOf(film, fillUrl, identity);
  const { body, signature } = honest.manifest;
  pair.router.send({ ...honest, manifest: { body: body.replace("video/mp4", "text/html"), signature } });
  pair.router.send({ ...honest, manifest: sign({ ...film.manifest, sha256: "ab".repeat(32) }) });
  pair.router.send({
    ...honest,
    manifest: sign({ ...film.manifest, pieces: good.manifest.pieces ?? "" }),
  });
  await pair.router.store(good);
  // Judged in the order in which they came: by now all have been.
  expect(pair.router.fillPaths).toHaveLength(1);
  const folders = readdirSync(join(pair.dataDir, "objects"));
  expect(folders.flatMap((folder) => readdirSync(join(pair.dataDir, "objects", folder)))).toEqual([
    good.description.objectId,
  ]);
  expect(readdirSync(join(pair.dataDir, "partial"))).toEqual([]);
});
