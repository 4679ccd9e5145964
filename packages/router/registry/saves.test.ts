import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { toBase64Url } from "@neson/protocol/bytes";
import { openFillTicket } from "@neson/protocol/fill-ticket";
import { generateIdentity } from "@neson/protocol/identity";
import { headersIdOf, type Manifest, openManifest } from "@neson/protocol/manifest";
import type { RouterMessage } from "@neson/protocol/messages";
import { ObjectHasher } from "@neson/protocol/object";
import { ConnectedTerminal } from "./connected-terminal.ts";
import { createSaves } from "./saves.ts";

const NOW_MS = 1_800_000_000_000;
const FILL_KEY = new Uint8Array(32).fill(4);
const HEADERS: [string, string][] = [["Content-Type", "video/mp4"]];

function workplace(change: { inShield?: boolean; catalogued?: boolean } = {}) {
  const hasher = new ObjectHasher();
  hasher.update(new Uint8Array(1000).fill(1));
  const { pieces, ...object } = hasher.finish();
  const headersId = headersIdOf(HEADERS);
  const manifest: Manifest = {
    ...object,
    version: 1,
    pieceSize: 262_144,
    pieces: toBase64Url(pieces),
    headers: HEADERS,
    headersId,
    site: "shop",
    issuedAt: NOW_MS / 1000,
    expiresAt: NOW_MS / 1000 + 60,
  };
  const sent: RouterMessage[] = [];
  const terminal = new ConnectedTerminal({
    id: "cd".repeat(32),
    endpoint: "http://127.0.0.2:1",
    nowMs: NOW_MS,
    capacityBytesPerSecond: 1,
    send: (message) => void sent.push(message),
  });
  const identity = generateIdentity();
  const saves = createSaves(
    { controlUrl: () => "http://127.0.0.1:8081", fillKey: FILL_KEY },
    {
      catalog: { manifestFor: async () => (change.catalogued === false ? undefined : manifest) },
      canFill: () => change.inShield !== false,
      identity,
      clock: new FakeClock(NOW_MS),
      log: silentLog,
    },
  );
  return { saves, terminal, sent, identity, objectId: object.objectId, headersId };
}

test("place() sends a save whose manifest the Terminal can open and whose fill ticket names object and Terminal", async () => {
  const { saves, terminal, sent, identity, objectId, headersId } = workplace();
  await saves.place(terminal, { objectId, headersId });
  const [save] = sent;
  if (save?.type !== "save") throw new Error("expected a save");
  expect(save.priority).toBe("background");
  expect(openManifest(save.manifest, identity.publicKey)).toMatchObject({ objectId, headersId });
  const verdict = openFillTicket(save.fillUrl.split("/").at(-1) ?? "", FILL_KEY, NOW_MS / 1000);
  expect(verdict).toMatchObject({ ok: true, ticket: { objectId, terminalId: terminal.id } });
});

test("answerWant() answers with a save under the want's id", async () => {
  const { saves, terminal, objectId, headersId } = workplace();
  const answer = await saves.answerWant({ type: "want", id: "w7", objectId, headersId }, terminal);
  expect(answer).toMatchObject({ type: "save", id: "w7", priority: "now" });
});

test.each([[{ inShield: false }], [{ catalogued: false }]])(
  "answerWant() with %j answers nothing, and the Terminal is spared further viewers for that object",
  async (change) => {
    const { saves, terminal, sent, objectId, headersId } = workplace(change);
    const answer = await saves.answerWant({ type: "want", id: "w7", objectId, headersId }, terminal);
    expect(answer).toMatchObject({ type: "nothing", id: "w7" });
    expect(terminal.recentlyFailed(objectId, NOW_MS)).toBe(true);
    await saves.place(terminal, { objectId, headersId });
    expect(sent).toEqual([]);
  },
);
