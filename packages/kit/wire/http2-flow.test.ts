import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Answer, HttpRequest } from "../http/answer.ts";
import { FRAME, frameOf } from "./http2-frames.ts";
import {
  getFields,
  Http2Peer,
  headersFrame,
  PREFACE,
  resetFrame,
  settingsFrame,
  windowFrame,
} from "./testing/http2-peer.ts";

/** Bytes that tell where they come from. */
function content(bytes: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: bytes }, (_none, i) => (i * 7 + (i >> 8) + seed) & 255));
}

/** Lets promises and `setImmediate` run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Answers "/stream/SIZE" block by block out of one block that is used again and again, and "/SIZE" at once. */
function sized({ target }: HttpRequest): Answer {
  const bytes = content(Number(target.split("/").at(-1)), target.length);
  if (!target.startsWith("/stream/")) return { status: 200, headers: [], body: bytes };
  const block = new Uint8Array(3000);
  const body = (async function* () {
    for (let at = 0; at < bytes.length; at += block.length) {
      const part = bytes.subarray(at, at + block.length);
      block.set(part);
      yield block.subarray(0, part.length);
      // A frame with it has been made: nothing may look at it any more.
      block.fill(0);
    }
  })();
  return { status: 200, headers: ["Content-Length", String(bytes.length)], body };
}

test("small answers are not starved by a download on the same connection", () => {
  const peer = new Http2Peer(sized, { maxStreams: 100 });
  peer.sink.roomBytes = 100_000;
  peer.greet([4, 2 ** 31 - 1]).send(windowFrame(0, 2 ** 30), headersFrame(1, getFields("/20000000")));
  expect(peer.stream(1).body.length).toBeLessThan(100_000);
  for (let i = 0; i < 10; i++) peer.send(headersFrame(3 + 2 * i, getFields("/2000")));
  peer.sink.roomBytes = 2 * 150_000;
  peer.connection.writable();
  peer.look();
  for (let i = 0; i < 10; i++) expect(peer.stream(3 + 2 * i).isEnded).toBe(true);
});

test("downloads on one connection advance together", () => {
  const peer = new Http2Peer(sized);
  peer.sink.roomBytes = 0;
  peer.greet([4, 2 ** 31 - 1]).send(windowFrame(0, 2 ** 30));
  for (let id = 1; id <= 7; id += 2) peer.send(headersFrame(id, getFields("/3000000")));
  for (let i = 0; i < 20; i++) {
    peer.sink.roomBytes = 100_000;
    peer.connection.writable();
  }
  peer.look();
  const lengths = [1, 3, 5, 7].map((id) => peer.stream(id).body.length);
  expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(2 * 16_384);
  expect(Math.min(...lengths)).toBeGreaterThan(400_000);
});

test("downloads share a connection window in turn", () => {
  const peer = new Http2Peer(sized).greet([4, 2 ** 31 - 1]);
  for (let id = 1; id <= 7; id += 2) peer.send(headersFrame(id, getFields("/3000000")));
  for (let i = 0; i < 64; i++) peer.send(windowFrame(0, 16_384));
  // The first one had the initial window for itself.
  const lengths = [1, 3, 5, 7].map((id) => peer.stream(id).body.length - (id === 1 ? 65_535 : 0));
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(64 * 16_384);
  expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(16_384);
});

test("nothing is pulled while a block waits, and little waits in the process", async () => {
  let pulled = 0;
  const body = (async function* () {
    for (;;) {
      pulled++;
      yield new Uint8Array(100_000);
    }
  })();
  const peer = new Http2Peer(() => ({ status: 200, headers: [], body }));
  peer.sink.roomBytes = 10_000;
  peer.greet([4, 2 ** 31 - 1]).send(windowFrame(0, 2 ** 30), headersFrame(1));
  for (let i = 0; i < 20; i++) await turn();
  // One block is in frames, one is in part, or waits.
  expect(pulled).toBeLessThanOrEqual(2);
});

test("a fast client on a long download lets others have their turn", async () => {
  const peer = new Http2Peer(sized);
  peer.greet([4, 2 ** 31 - 1]).send(windowFrame(0, 2 ** 30), headersFrame(1, getFields("/5000000")));
  expect(peer.stream(1).body.length).toBeLessThan(2_000_000);
  for (let i = 0; i < 20 && !peer.look().stream(1).isEnded; i++) await turn();
  expect(peer.stream(1).body.equals(content(5_000_000, "/5000000".length))).toBe(true);
});

/** DATA bytes in what a sink took, also of a frame that is cut off. */
function contentBytes(taken: Buffer): number {
  let bytes = 0;
  for (let at = 0; at + 9 <= taken.length; ) {
    const length = taken.readUIntBE(at, 3);
    if (taken[at + 3] === FRAME.data) bytes += Math.min(length, taken.length - at - 9);
    at += 9 + length;
  }
  return bytes;
}

test("`sent` tells to the byte what was taken, wherever the connection breaks", () => {
  const stepsArbitrary = fc.array(fc.integer({ min: 1, max: 30_000 }), { maxLength: 12 });
  const sizesArbitrary = fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(sizesArbitrary, stepsArbitrary, (sizes, steps) => {
      const sent: number[] = [];
      const peer = new Http2Peer((request) => ({ ...sized(request), sent: (bytes) => sent.push(bytes) }));
      peer.greet([4, 2 ** 31 - 1]).send(windowFrame(0, 2 ** 30));
      peer.sink.roomBytes = 0;
      peer.send(...sizes.map((size, i) => headersFrame(2 * i + 1, getFields(`/${size}`))));
      for (const room of steps) {
        peer.sink.roomBytes = room;
        peer.connection.writable();
      }
      const told = sent.length;
      const taken = Buffer.from(peer.sink.taken, "latin1");
      peer.connection.closed();
      expect(sent.reduce((sum, bytes) => sum + bytes, 0)).toBe(contentBytes(taken));
      // Answers that were taken whole were told of at once, not only by the end.
      expect(told).toBe(peer.look().frames.filter(({ flags, streamId }) => streamId > 0 && (flags & 1) !== 0).length);
    }),
    { numRuns: 200 },
  );
});

interface Step {
  kind: "connection" | "stream" | "initial" | "room" | "turn";
  bytes: number;
  stream: number;
}

const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("connection", "stream", "initial", "room", "turn"),
  bytes: fc.integer({ min: 600, max: 40_000 }),
  stream: fc.integer({ min: 0, max: 4 }),
});
const sizeArbitrary = fc.record({ bytes: fc.integer({ min: 0, max: 120_000 }), isStream: fc.boolean() });

test("neither window is ever exceeded, and every byte arrives, whatever the windows and the socket do", async () => {
  const run = async (sizes: { bytes: number; isStream: boolean }[], steps: Step[]) => {
    const peer = new Http2Peer(sized);
    peer.sink.roomBytes = 0;
    const paths = sizes.map(({ bytes, isStream }) => (isStream ? `/stream/${bytes}` : `/${bytes}`));
    const ids = paths.map((_path, i) => 2 * i + 1);
    peer.greet([4, 1000]).send(...paths.map((path, i) => headersFrame(2 * i + 1, getFields(path))));
    let connectionAllowed = 65_535;
    let initial = 1000;
    const allowed = new Map(ids.map((id) => [id, 0]));
    const check = () => {
      peer.look();
      const lengths = ids.map((id) => peer.stream(id).body.length);
      expect(lengths.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(connectionAllowed);
      return lengths.every((length, i) => length <= maxInitial + (allowed.get(2 * i + 1) ?? 0));
    };
    let maxInitial = initial;
    for (const { kind, bytes, stream } of steps) {
      const id = 2 * stream + 1;
      if (kind === "connection") {
        connectionAllowed += bytes;
        peer.send(windowFrame(0, bytes));
      } else if (kind === "stream" && allowed.has(id)) {
        allowed.set(id, (allowed.get(id) ?? 0) + bytes);
        peer.send(windowFrame(id, bytes));
      } else if (kind === "initial") {
        initial = bytes;
        maxInitial = Math.max(maxInitial, initial);
        peer.send(settingsFrame([4, bytes]));
      } else if (kind === "room") {
        peer.sink.roomBytes = bytes;
        peer.connection.writable();
      } else {
        await turn();
      }
      expect(check()).toBe(true);
    }
    expect(peer.goAwayCode).toBeUndefined();
    peer.sink.roomBytes = Number.POSITIVE_INFINITY;
    connectionAllowed += 2 ** 30;
    maxInitial = 2 ** 30;
    peer.send(settingsFrame([4, 2 ** 30]), windowFrame(0, 2 ** 30));
    for (let i = 0; i < 500 && peer.connection.open > 0; i++) await turn();
    expect(check()).toBe(true);
    for (const [i, path] of paths.entries()) {
      const seen = peer.stream(2 * i + 1);
      expect(seen.isEnded).toBe(true);
      expect(seen.body.equals(content(sizes[i]?.bytes ?? 0, path.length))).toBe(true);
    }
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(sizeArbitrary, { minLength: 1, maxLength: 5 }),
      fc.array(stepArbitrary, { maxLength: 40 }),
      run,
    ),
    { numRuns: 60 },
  );
});

const frameArbitrary: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .record({ id: fc.integer({ min: 0, max: 9 }), path: fc.constantFrom("/0", "/100", "/50000", "/stream/9000", "x") })
    .map(({ id, path }) => headersFrame(2 * id + 1, getFields(path))),
  fc
    .record({ id: fc.integer({ min: 0, max: 20 }), bytes: fc.integer({ min: 0, max: 2 ** 31 - 1 }) })
    .map(({ id, bytes }) => windowFrame(id, bytes)),
  fc.integer({ min: 0, max: 20 }).map((id) => resetFrame(id, 8)),
  fc.record({ id: fc.integer({ min: 1, max: 8 }), value: fc.nat() }).map(({ id, value }) => settingsFrame([id, value])),
  fc
    .record({
      type: fc.integer({ min: 0, max: 10 }),
      flags: fc.nat(255),
      id: fc.nat(20),
      payload: fc.uint8Array({ maxLength: 40 }),
    })
    .map(({ type, flags, id, payload }) => frameOf(type, flags, id, payload)),
);

test("arbitrary and mutated frames never throw, and never leave an answer without its `sent`", async () => {
  const run = async (frames: Uint8Array[], changes: { at: number; byte: number }[], cuts: number[], room: number) => {
    let answers = 0;
    let told = 0;
    const peer = new Http2Peer((request) => {
      answers++;
      return { ...sized(request), sent: () => told++ };
    });
    peer.sink.roomBytes = room;
    const bytes = Buffer.concat([PREFACE, settingsFrame(), ...frames]);
    for (const { at, byte } of changes) bytes[PREFACE.length + (at % (bytes.length - PREFACE.length))] = byte;
    let from = 0;
    for (const cut of [...cuts].sort((a, b) => a - b)) {
      const to = Math.min(bytes.length, Math.max(from, cut));
      peer.connection.receive(bytes.subarray(from, to));
      from = to;
    }
    peer.connection.receive(bytes.subarray(from));
    await turn();
    peer.connection.inspect(0);
    peer.sink.roomBytes = room;
    peer.connection.writable();
    peer.connection.inspect(1_000_000);
    await turn();
    peer.connection.closed();
    expect(told).toBe(answers);
    expect(peer.connection.open).toBe(0);
  };
  const changeArbitrary = fc.record({ at: fc.nat(3000), byte: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(frameArbitrary, { maxLength: 15 }),
      fc.array(changeArbitrary, { maxLength: 3 }),
      fc.array(fc.nat(1500), { maxLength: 4 }),
      fc.constantFrom(0, 1000, 100_000, Number.POSITIVE_INFINITY),
      run,
    ),
    { numRuns: 500 },
  );
});

test("arbitrary bytes never throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, hasPreface) => {
      const peer = new Http2Peer(sized);
      if (hasPreface) peer.greet();
      peer.connection.receive(bytes);
      peer.connection.inspect(0);
      peer.connection.drain();
      peer.connection.closed();
      expect(peer.connection.open).toBe(0);
    }),
    { numRuns: 500 },
  );
});
