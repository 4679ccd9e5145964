import { expect, test } from "bun:test";
import fc from "fast-check";
import { ProtocolError } from "./error.ts";
import { generateIdentity, verifySignature } from "./identity.ts";
import {
  auditBytes,
  helloBytes,
  MAX_FRAME_BYTES,
  parseRouterFrame,
  parseTerminalFrame,
  pingBytes,
} from "./messages.ts";

const HASH = "ab".repeat(32);
const HEADERS_ID = "cd".repeat(8);
const PAIR = { objectId: HASH, headersId: HEADERS_ID };
const SIGNATURE = "A".repeat(86);

const HELLO = {
  type: "hello",
  protocol: 1,
  publicKey: HASH,
  signature: SIGNATURE,
  endpoint: "https://t1.example.net:8443",
  version: "0.1.0",
  hardware: {
    platform: "linux-x64",
    cpuModel: "a cpu",
    cpuCores: 2,
    memoryBytes: 8e9,
    disk: { kind: "ssd", totalBytes: 1e12, freeBytes: 5e11, readBytesPerSecond: 5e8 },
    isSmall: false,
  },
};
const HEARTBEAT = {
  type: "heartbeat",
  sequence: 3,
  openTransfers: 1,
  egressBytesPerSecond: 1.5,
  cpuLoad: 0.25,
  freeMemoryBytes: 1,
  remainingBytes: 0,
  quotaBytes: 5,
  objectCount: 1,
  indexDigest: HASH,
};
const FROM_TERMINAL: Record<string, unknown>[] = [
  HELLO,
  HEARTBEAT,
  { type: "index", id: "1", page: 0, pages: 1, objects: [[HASH, HEADERS_ID]] },
  { type: "want", id: "2", ...PAIR },
  { type: "stored", ...PAIR, bytes: 0 },
  { type: "failed", ...PAIR, code: "no-room", detail: "" },
  { type: "claims", id: "3", claims: [{ ticket: "A".repeat(204), bytes: 9 }] },
  { type: "evict", id: "4", objects: [{ objectId: HASH, bytes: 7 }] },
  { type: "purged", id: "7" },
  { type: "audit.answer", id: "5", answer: { piece: "AAAA", proof: [HASH] }, signature: SIGNATURE },
  { type: "audit.answer", id: "5", answer: { missing: "not here any more" }, signature: SIGNATURE },
  { type: "speed", id: "6" },
  { type: "leave" },
];
const TRACK = {
  checks: 3,
  failures: 1,
  score: 3.1,
  limit: 13.8,
  consequence: "slashed",
  reasons: ["piece 3 differed"],
};
const KEYS = [{ day: 1, key: "A".repeat(43) }];
const FROM_ROUTER: Record<string, unknown>[] = [
  { type: "challenge", nonce: HASH },
  {
    type: "welcome",
    routerKey: HASH,
    ticketKeys: KEYS,
    edgeScheme: "http",
    heartbeatMs: 1000,
    limits: { maxObjectBytes: 2 ** 40 },
  },
  { type: "keys", ticketKeys: KEYS },
  { type: "refused", code: "full", message: "no more Terminals" },
  { type: "ok", sequence: 3 },
  {
    type: "save",
    manifest: { body: "{}", signature: SIGNATURE },
    fillUrl: "http://127.0.0.1:9/v1/fill/x",
    priority: "now",
    id: "2",
  },
  { type: "save", manifest: { body: "{}", signature: SIGNATURE }, fillUrl: "https://r/", priority: "background" },
  { type: "nothing", id: "2", reason: "gone" },
  { type: "delete", objectId: HASH, reason: "purged" },
  { type: "delete", ...PAIR, reason: "purged" },
  { type: "purge", id: "7", objectIds: [HASH], reason: "purged" },
  { type: "index.request", id: "1" },
  { type: "claims.ack", id: "3", accepted: 1, refused: [{ nonce: "ab".repeat(16), reason: "forged" }] },
  { type: "evict.reply", id: "4", keep: [HASH] },
  { type: "audit", id: "5", objectId: HASH, pieceIndex: 3, nonce: HASH, deadlineMs: 5000 },
  { type: "speed.grant", id: "6", url: "http://127.0.0.1:9/v1/speed/x", maxBytes: 1000, maxMs: 3000 },
  {
    type: "standing",
    tracks: { corrupt: TRACK, unknown: TRACK, offline: TRACK },
    earnings: [{ day: "2026-11-22", paidBytes: 5, refusedBytes: 0 }],
    refusals: [],
    totalPaidBytes: 5,
  },
  {
    type: "update",
    release: {
      version: "1.2.3",
      notes: "faster",
      binaries: { "linux-x64": { file: "neson-linux-x64", bytes: 9, sha256: HASH } },
    },
  },
  { type: "drain" },
];

function errorOf(run: () => unknown): ProtocolError {
  try {
    run();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error("accepted");
}

const terminalError = (value: unknown) => errorOf(() => parseTerminalFrame(JSON.stringify(value)));
const routerError = (value: unknown) => errorOf(() => parseRouterFrame(JSON.stringify(value)));

test("parseTerminalFrame() gives back every message of a Terminal", () => {
  for (const message of FROM_TERMINAL) expect<unknown>(parseTerminalFrame(JSON.stringify(message))).toEqual(message);
});

test("parseRouterFrame() gives back every message of a Router", () => {
  for (const message of FROM_ROUTER) expect<unknown>(parseRouterFrame(JSON.stringify(message))).toEqual(message);
});

test("parseTerminalFrame() drops fields it does not know", () => {
  expect<unknown>(parseTerminalFrame('{"type":"leave","why":"later version"}')).toEqual({ type: "leave" });
});

test("parseTerminalFrame() refuses every message without one of its fields, and names it", () => {
  for (const message of FROM_TERMINAL) {
    for (const field of Object.keys(message).filter((name) => name !== "type")) {
      const error = terminalError({ ...message, [field]: undefined });
      expect([error.code, error.field]).toEqual(["malformed-frame", `${message.type}.${field}`]);
    }
  }
});

test("parseRouterFrame() refuses every message with a field of the wrong kind, and names it", () => {
  for (const message of FROM_ROUTER) {
    for (const field of Object.keys(message).filter((name) => name !== "type")) {
      const error = routerError({ ...message, [field]: { wrong: true } });
      expect(error.code).toBe("malformed-frame");
      expect(error.field).toStartWith(`${message.type}.${field}`);
    }
  }
});

test("parseTerminalFrame() says what was found and what is allowed", () => {
  const error = terminalError({ ...HEARTBEAT, cpuLoad: 3 });
  expect(error.message).toStartWith("heartbeat.cpuLoad: found 3; ");
  expect(error.message).toContain("1");
  expect(terminalError({ ...HELLO, version: "v".repeat(1000) }).message.length).toBeLessThan(200);
});

test("parseTerminalFrame() bounds numbers, lists and texts", () => {
  const claim = { ticket: "A".repeat(204), bytes: 1 };
  const cases: Record<string, unknown>[] = [
    { ...HEARTBEAT, remainingBytes: -1 },
    { ...HEARTBEAT, sequence: 2 ** 53 },
    { ...HEARTBEAT, objectCount: 1.5 },
    { ...HEARTBEAT, cpuLoad: "0" },
    { ...HEARTBEAT, indexDigest: HASH.toUpperCase() },
    { ...HELLO, hardware: { ...HELLO.hardware, cpuModel: "m".repeat(129) } },
    { type: "index", id: "1", page: 1, pages: 1, objects: [] },
    { type: "index", id: "", page: 0, pages: 1, objects: [] },
    { type: "index", id: "1", page: 0, pages: 1, objects: Array(5001).fill([HASH, HEADERS_ID]) },
    { type: "index", id: "1", page: 0, pages: 1, objects: [[HASH]] },
    { type: "failed", ...PAIR, code: "bored", detail: "" },
    { type: "failed", ...PAIR, code: "disk", detail: "d".repeat(301) },
    { type: "stored", ...PAIR, bytes: 2 ** 40 + 1 },
    { type: "claims", id: "3", claims: Array(501).fill(claim) },
    { type: "claims", id: "3", claims: [{ ...claim, ticket: "A".repeat(205) }] },
    { ...HEARTBEAT, refusesSaves: "bored" },
    { type: "evict", id: "4", objects: [] },
    { type: "evict", id: "4", objects: Array(1001).fill({ objectId: HASH, bytes: 1 }) },
    { type: "audit.answer", id: "5", answer: {}, signature: SIGNATURE },
    { type: "audit.answer", id: "5", answer: { piece: "A".repeat(349_527), proof: [] }, signature: SIGNATURE },
    { type: "audit.answer", id: "5", answer: { piece: "AA", proof: Array(25).fill(HASH) }, signature: SIGNATURE },
    { type: "claims", id: "3", claims: [{ ...claim, bytes: -5 }] },
  ];
  for (const message of cases) expect(terminalError(message).code).toBe("malformed-frame");
  expect(terminalError(cases.at(-1)).field).toBe("claims.claims.0.bytes");
});

test("parseTerminalFrame() takes only a bare origin as endpoint", () => {
  const good = ["http://127.0.0.2:8080", "https://t.example", "http://[2001:db8::1]:8080"];
  for (const endpoint of good) {
    expect<unknown>(parseTerminalFrame(JSON.stringify({ ...HELLO, endpoint }))).toMatchObject({ endpoint });
  }
  const bad = [
    "https://t.example/",
    "https://t.example/x",
    "https://T.example",
    "https://t.example:443",
    "ftp://t.example",
  ];
  for (const endpoint of [
    ...bad,
    "t.example",
    "https://u:p@t.example",
    "https://t.example?",
    "javascript:0",
    "null",
    "",
  ]) {
    expect(terminalError({ ...HELLO, endpoint }).field).toBe("hello.endpoint");
  }
});

test("parseRouterFrame() takes only absolute http URLs to fill from", () => {
  for (const fillUrl of ["/v1/fill/x", "file:///etc/passwd", "http://", "https://r/".padEnd(2049, "x")]) {
    expect(routerError({ ...FROM_ROUTER[5], fillUrl }).field).toBe("save.fillUrl");
  }
});

test("frames of the other side, of no type or of an unknown type are refused", () => {
  for (const type of ["ok", "nonsense", "__proto__", "constructor", "toString", "x".repeat(100_000)]) {
    const error = terminalError({ type });
    expect(error.code).toBe("unknown-type");
    expect(error.message.length).toBeLessThan(300);
  }
  for (const value of [null, 1, "leave", [], {}, { type: 1 }, ["leave"]]) {
    expect(terminalError(value).code).toBe("malformed-frame");
  }
});

test("frames beyond the bound are refused before they are parsed", () => {
  const padding = MAX_FRAME_BYTES - '{"type":"leave","x":""}'.length;
  expect(parseTerminalFrame(`{"type":"leave","x":"${"x".repeat(padding)}"}`).type).toBe("leave");
  expect(errorOf(() => parseTerminalFrame("x".repeat(MAX_FRAME_BYTES + 1))).code).toBe("oversized-frame");
  expect(errorOf(() => parseTerminalFrame("é".repeat(MAX_FRAME_BYTES / 2 + 1))).code).toBe("oversized-frame");
});

test("parsers throw nothing but ProtocolError, whatever they are given", () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc
      .record({ type: fc.constantFrom(...FROM_TERMINAL, ...FROM_ROUTER).map((m) => m.type), id: fc.jsonValue() })
      .map((m) => JSON.stringify(m)),
  );
  fc.assert(
    fc.property(texts, (text) => {
      for (const parse of [parseTerminalFrame, parseRouterFrame]) {
        try {
          parse(text);
        } catch (error) {
          if (!(error instanceof ProtocolError)) return false;
        }
      }
      return true;
    }),
  );
  expect(errorOf(() => parseTerminalFrame("[".repeat(1_000_000))).code).toBe("malformed-frame");
  expect(errorOf(() => parseTerminalFrame(`${'{"a":'.repeat(100_000)}`)).code).toBe("malformed-frame");
});

test("a frame with any bit flipped is refused or still within its schema", () => {
  for (const message of FROM_TERMINAL) {
    const raw = Buffer.from(JSON.stringify(message));
    for (let bit = 0; bit < raw.length * 8; bit++) {
      const changed = Buffer.from(raw);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      try {
        const read = parseTerminalFrame(changed.toString("utf8"));
        expect<unknown>(parseTerminalFrame(JSON.stringify(read))).toEqual(read);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      }
    }
  }
});

test("helloBytes() binds nonce, key and endpoint, and is no ping", () => {
  const identity = generateIdentity();
  const hello = { nonce: HASH, publicKey: identity.publicKey, endpoint: "https://t.example" };
  const signature = identity.sign(helloBytes(hello));
  expect(verifySignature(identity.publicKey, helloBytes(hello), signature)).toBe(true);
  for (const change of [{ nonce: "00".repeat(32) }, { publicKey: HASH }, { endpoint: "https://u.example" }]) {
    expect(verifySignature(identity.publicKey, helloBytes({ ...hello, ...change }), signature)).toBe(false);
  }
  expect(verifySignature(identity.publicKey, pingBytes(HASH), signature)).toBe(false);
});

test("auditBytes() binds nonce, object, piece number and piece", () => {
  const identity = generateIdentity();
  const audit = { nonce: HASH, objectId: HASH, pieceIndex: 1, pieceSha256: HASH };
  const signature = identity.sign(auditBytes(audit));
  expect(verifySignature(identity.publicKey, auditBytes(audit), signature)).toBe(true);
  const other = "00".repeat(32);
  for (const change of [{ nonce: other }, { objectId: other }, { pieceIndex: 2 }, { pieceSha256: other }]) {
    expect(verifySignature(identity.publicKey, auditBytes({ ...audit, ...change }), signature)).toBe(false);
  }
});
