import { expect, test } from "bun:test";
import type { AddressInfo } from "node:net";
import tls, { type TLSSocket } from "node:tls";
import { HpackDecoder } from "@neson/kit/wire/hpack-decoder";
import { ERROR, FLAG, FRAME, FRAME_HEADER_BYTES, frameOf, read31 } from "@neson/kit/wire/http2-frames";
import { headersFrame, PREFACE, resetFrame, settingsFrame } from "@neson/kit/wire/testing/http2-peer";
import { selfSigned } from "@neson/kit/wire/testing/self-signed";
import { startTestbed } from "../../packages/router/edge/testbed.ts";

const pair = selfSigned("origin.test");

const kept = (...more: string[]) => [":status", "200", "cache-control", "max-age=600", ...more];
const data = (text: string, flags: number, id: number) => frameOf(FRAME.data, flags, id, Buffer.from(text));
const whole = (list: string[]) => (id: number) => [headersFrame(id, list, false), data("hello", FLAG.endStream, id)];
const many = (fields: number) => Array.from({ length: fields }, (_none, i) => [`x-${i}`, "y"]).flat();

/** What an origin sends on a stream, and what the client gets: 502 or 504 with a reason, or a body that is cut off. */
const CASES: [name: string, outcome: 502 | 504 | "cut", frames: (streamId: number) => Uint8Array[]][] = [
  ["too many fields", 502, whole(kept(...many(300)))],
  [
    "fields without end",
    502,
    whole(kept(...Array.from({ length: 120 }, (_none, i) => [`x-${i}`, "y".repeat(120)]).flat(), ...many(200))),
  ],
  ["status 600", 502, whole([":status", "600", "cache-control", "max-age=600"])],
  ["status that is none", 502, whole([":status", "abc"])],
  ["no status", 502, whole(["cache-control", "max-age=600"])],
  ["lengths that contradict", 502, whole(kept("content-length", "5", "content-length", "6"))],
  ["length that is no number", 502, whole(kept("content-length", "+5"))],
  ["line break in a value", 502, whole(kept("x", "a\r\nset-cookie: b"))],
  ["line break in a name", 502, whole(kept("x: a\r\ny", "b"))],
  ["upper case name", 502, whole(kept("X-Upper", "b"))],
  ["field of a connection", 502, whole(kept("transfer-encoding", "chunked"))],
  [
    "interim answers without end",
    502,
    (id) => Array.from({ length: 200 }, () => headersFrame(id, [":status", "103"], false)),
  ],
  ["101", 502, (id) => [headersFrame(id, [":status", "101"], false)]],
  ["a reset", 502, (id) => [resetFrame(id, ERROR.internal)]],
  ["nothing", 504, () => []],
  ["content before its head", 504, (id) => [data("hello", FLAG.endStream, id)]],
  ["a frame that is too large", 502, (id) => [frameOf(FRAME.data, 0, id, Buffer.alloc(20_000))]],
  [
    "a broken header block",
    502,
    (id) => [frameOf(FRAME.headers, FLAG.endHeaders, id, Buffer.from([0xff, 0xff, 0xff]))],
  ],
  ["a body shorter than its length", "cut", whole(kept("content-length", "10"))],
  ["a body longer than its length", 502, whole(kept("content-length", "3"))],
  ["no body in spite of its length", 502, (id) => [headersFrame(id, kept("content-length", "10"))]],
  ["silence amid a body", "cut", (id) => [headersFrame(id, kept("content-length", "10"), false), data("hello", 0, id)]],
  [
    "a reset amid a body",
    "cut",
    (id) => [headersFrame(id, kept(), false), data("hello", 0, id), resetFrame(id, ERROR.internal)],
  ],
];

/** Reads requests just well enough to know their paths, and answers each with frames. */
function serve(socket: TLSSocket): void {
  const decoder = new HpackDecoder(2 ** 20);
  let rest = Buffer.alloc(0);
  let hasPreface = false;
  socket.on("error", () => {});
  socket.write(settingsFrame());
  socket.on("data", (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    if (!hasPreface) {
      if (rest.length < PREFACE.length) return;
      hasPreface = true;
      rest = rest.subarray(PREFACE.length);
    }
    while (rest.length >= FRAME_HEADER_BYTES && rest.length >= FRAME_HEADER_BYTES + rest.readUIntBE(0, 3)) {
      const [type, flags = 0, id] = [rest[3], rest[4], read31(rest, 5)];
      const payload = rest.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + rest.readUIntBE(0, 3));
      rest = rest.subarray(FRAME_HEADER_BYTES + payload.length);
      if (type === FRAME.settings && (flags & FLAG.ack) === 0)
        socket.write(frameOf(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
      if (type !== FRAME.headers) continue;
      const block = payload.subarray((flags & FLAG.priority) === 0 ? 0 : 5);
      const path = decoder.decode(block, 0, block.length)?.fields.find(({ name }) => name === ":path")?.value ?? "";
      const [, , frames] = CASES[Number(path.slice(1))] ?? [];
      const honest = [
        headersFrame(id, [":status", "200", "cache-control", "no-store"], false),
        data(path, FLAG.endStream, id),
      ];
      socket.write(Buffer.concat(frames?.(id) ?? honest));
    }
  });
}

test("a Router whose origin speaks HTTP/2 badly tells its clients, keeps nothing of it, and asks on", async () => {
  const sockets = new Set<TLSSocket>();
  const server = tls.createServer({ cert: pair.cert, key: pair.key, ALPNProtocols: ["h2"] }, (socket) => {
    sockets.add(socket);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await using bed = await startTestbed({
      origin: `https://origin.test:${port}`,
      resolve: async () => [{ address: "127.0.0.1", family: 4 }],
      site: { origins: { http2: true, authorities: pair.cert } },
      edge: { origin: { firstByteMs: 500, idleMs: 300 } },
    });
    const found: unknown[] = [];
    for (const [i, [name]] of CASES.entries()) {
      for (const method of ["GET", "POST"]) {
        const reply = await bed.get(`/${i}`, { method });
        const text = `${reply.rawHeaders.join()} ${reply.body}`;
        expect([name, text]).toEqual([name, expect.not.stringMatching(/127\.0\.0\.1|origin\.test/)]);
        found.push([name, method, reply.cut ? "cut" : reply.status]);
        const honest = await bed.get("/honest", { method });
        expect([name, method, honest.body.toString()]).toEqual([name, method, "/honest"]);
      }
    }
    const expected = CASES.flatMap(([name, outcome]) => ["GET", "POST"].map((method) => [name, method, outcome]));
    expect(found).toEqual(expected);
    expect((await bed.catalog.stored()).entries).toBe(0);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}, 30_000);
