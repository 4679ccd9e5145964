import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256, toBase64Url, toHex } from "@neson/protocol/bytes";
import { auditBytes, type RouterMessage } from "@neson/protocol/messages";
import { ObjectHasher, PIECE_BYTES } from "@neson/protocol/object";
import { proofOf } from "@neson/protocol/tree";
import { terminalHosts } from "../../packages/cli/up/hosts.ts";
import { until } from "../e2e/network.ts";
import { openStage, type Stage } from "./stage.ts";
import { type RawChannel, type StandIn, startStandIn } from "./stand-in.ts";

const SIZE = 700_000;
let stage: Stage;
let host: string;
let film: { bytes: Uint8Array; objectId: string; pieces: Uint8Array };

beforeAll(async () => {
  stage = await openStage();
  host = String((await terminalHosts(1))[0]?.listen);
  const { bytes } = await stage.publish("/film.bin", SIZE);
  const hasher = new ObjectHasher();
  hasher.update(bytes);
  film = { bytes, ...hasher.finish() };
}, 30_000);

afterAll(() => stage[Symbol.asyncDispose]());

/** A call of the operator's API. */
async function call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const admin = JSON.parse(await readFile(join(stage.routerDataDir, "admin.json"), "utf8"));
  const answer = await fetch(`${admin.url}/api/v1/${path}`, {
    method,
    headers: { Authorization: `Bearer ${admin.token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await answer.json()) as Record<string, unknown>;
}

type Question = Extract<RouterMessage, { type: "audit" }>;

/** A stand-in that says it holds the film. */
async function withHolder(run: (standIn: StandIn, channel: RawChannel) => Promise<void>): Promise<void> {
  await using standIn = await startStandIn(host);
  const channel = await standIn.join(stage.controlUrl);
  channel.send({ type: "stored", objectId: film.objectId, headersId: "00".repeat(8), bytes: SIZE });
  await run(standIn, channel);
}

/** Has the Router check piece 1, and answers as told. */
async function check(
  standIn: StandIn,
  channel: RawChannel,
  answer: (question: Question) => object,
): Promise<Record<string, unknown>> {
  const asked = new Set(channel.told.filter(({ type }) => type === "audit"));
  // The claim to hold the film may still be on its way.
  const report = until("the check to begin", async () => {
    const found = await call("POST", `terminals/${standIn.terminalId}/audit`, {
      objectId: film.objectId,
      pieceIndex: 1,
    });
    return JSON.stringify(found).includes("not-held") ? undefined : found;
  });
  const question = await channel.hears("audit", (message) => !asked.has(message));
  channel.send(answer(question));
  return await report;
}

function answerWith(standIn: StandIn, question: Question, piece: Uint8Array): object {
  const signed = auditBytes({ ...question, pieceSha256: toHex(sha256(piece)) });
  const proof = proofOf(film.pieces, question.pieceIndex).map(toHex);
  const signature = standIn.identity.sign(signed);
  return { type: "audit.answer", id: question.id, answer: { piece: toBase64Url(piece), proof }, signature };
}

const pieceAt = (index: number) => film.bytes.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES);

test("a Terminal that answers a spot check with made-up bytes is found corrupt, and can read why", async () => {
  await withHolder(async (standIn, channel) => {
    const honest = await check(standIn, channel, (question) => answerWith(standIn, question, pieceAt(1)));
    expect(honest).toMatchObject({ outcome: "good", asked: 1 });
    const cheated = await check(standIn, channel, (question) => answerWith(standIn, question, pieceAt(0)));
    expect(cheated).toMatchObject({ outcome: "corrupt", detail: expect.stringContaining("SHA-256") });
    const { tracks } = (await call("GET", `terminals/${standIn.terminalId}/standing`)) as {
      tracks: Record<string, { checks: number; failures: number; score: number; reasons: string[] }>;
    };
    expect(tracks.corrupt).toMatchObject({ checks: 2, failures: 1 });
    expect(tracks.corrupt?.reasons[0]).toContain(`piece 1 of ${film.objectId}`);
    expect([tracks.unknown?.failures, tracks.offline?.failures]).toEqual([0, 0]);
  });
});

test("a Terminal that replays the answer to an earlier spot check is found corrupt: each has a nonce of its own", async () => {
  await withHolder(async (standIn, channel) => {
    let replayed: object = {};
    await check(standIn, channel, (question) => {
      replayed = answerWith(standIn, question, pieceAt(1));
      return replayed;
    });
    const report = await check(standIn, channel, ({ id }) => ({ ...replayed, id }));
    expect(report).toMatchObject({ outcome: "corrupt", detail: expect.stringContaining("not signed") });
  });
});

test("a Terminal that hangs up on a spot check has it counted as offline", async () => {
  await withHolder(async (standIn, channel) => {
    const report = check(standIn, channel, () => ({ type: "none of this" }));
    expect(await report).toMatchObject({ outcome: "offline" });
  });
});

test("a Terminal is told how it stands as soon as it is let in", async () => {
  await withHolder(async (_standIn, channel) => {
    const standing = await channel.hears("standing");
    expect(standing).toMatchObject({ totalPaidBytes: 0, tracks: { corrupt: { checks: 0, failures: 0 } } });
  });
});

test("a Terminal gets no word on more evictions than one message may name, and nobody else's measurement", async () => {
  await withHolder(async (_standIn, channel) => {
    channel.send({ type: "speed", id: "s1" });
    const { url } = await channel.hears("speed.grant");
    const guessed = url.replace(/.{43}$/, "A".repeat(43));
    expect((await fetch(guessed)).status).toBe(403);
    expect((await fetch(guessed, { method: "POST", body: new Uint8Array(1000) })).status).toBe(403);
    const objects = Array.from({ length: 1001 }, () => ({ objectId: film.objectId, bytes: 1 }));
    channel.send({ type: "evict", id: "e1", objects });
    expect(await channel.lastWord()).toMatch(/^bad-message: evict/);
  });
});

test("an index that nobody asked for is not believed, however much of it is sent", async () => {
  await using standIn = await startStandIn(host);
  const channel = await standIn.join(stage.controlUrl);
  const objects = Array.from({ length: 1000 }, () => [film.objectId, "00".repeat(8)]);
  for (let page = 0; page < 500 && channel.closed === undefined; page += 1) {
    channel.send({ type: "index", id: page % 2 === 0 ? "mine" : "index-1", page: 0, pages: 1, objects });
  }
  channel.send({ type: "speed", id: "behind-it-all" });
  const isThrough = () => channel.told.some((message) => "id" in message && message.id === "behind-it-all");
  await until("the pages to be worked off", () => channel.closed !== undefined || isThrough());
  const question = { objectId: film.objectId, pieceIndex: 0 };
  const refused = await call("POST", `terminals/${standIn.terminalId}/audit`, question);
  expect(["not-held", "not-connected"]).toContain(refused.code as string);
}, 30_000);

test("what the operator removes goes from the Router and from every Terminal, also from one that is away just then", async () => {
  await using away = await startStandIn(host);
  await withHolder(async (standIn, channel) => {
    // Its word to hold the film is heard once a check can be asked for.
    await check(standIn, channel, (question) => answerWith(standIn, question, pieceAt(1)));
    expect(await call("DELETE", `objects/${film.objectId}`)).toEqual({ entries: 1, terminals: 1 });
    await channel.hears("delete", ({ objectId }) => objectId === film.objectId);
  });
  const channel = await away.join(stage.controlUrl);
  channel.send({ type: "stored", objectId: film.objectId, headersId: "00".repeat(8), bytes: SIZE });
  await channel.hears("delete", ({ objectId }) => objectId === film.objectId);
  expect(await call("DELETE", `objects/${film.objectId}`)).toMatchObject({ code: "no-such-object" });
});
