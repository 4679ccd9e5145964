import type { Clock } from "../../clock.ts";
import { FakeClock } from "../../fake-clock.ts";
import type { Answer, EdgeRequest } from "../../http/answer.ts";
import { silentLog } from "../../log.ts";
import type { ConnectionContext, HttpLimits } from "../connection.ts";
import { HpackDecoder } from "../hpack-decoder.ts";
import { Http2Connection } from "../http2-connection.ts";
import { FLAG, FRAME, FRAME_HEADER_BYTES, frameOf, read31, read32, write32 } from "../http2-frames.ts";
import { FakeSink } from "./fake-sink.ts";

const LIMITS: Required<HttpLimits> = {
  maxHeaderBytes: 16 * 1024,
  headersMs: 10_000,
  keepAliveMs: 30_000,
  contentMs: 4000,
  tunnelMs: 20_000,
  stallMs: 120_000,
  graceMs: 10_000,
  maxConnectionsPerAddress: 100,
  maxRequestsPerSecond: 1000,
  maxConnections: 1000,
  maxStreams: 16,
};

/** A frame that the server has sent. */
export interface SeenFrame {
  type: number;
  flags: number;
  streamId: number;
  payload: Buffer;
}

/** What a stream has brought so far. */
export interface SeenStream {
  fields: string[];
  body: Buffer;
  isEnded: boolean;
  /** The code of its RST_STREAM. */
  resetCode: number | undefined;
}

/** An HTTP/2 client that can send anything, joined to a connection in memory, for tests. */
export class Http2Peer {
  readonly sink = new FakeSink();
  readonly clock: Clock = new FakeClock();
  readonly connection: Http2Connection;
  readonly #decoder = new HpackDecoder(2 ** 20);
  readonly #streams = new Map<number, SeenStream>();
  #rest = Buffer.alloc(0);
  /** All frames so far. */
  readonly frames: SeenFrame[] = [];

  constructor(
    handle: (request: EdgeRequest) => Answer | Promise<Answer>,
    limits: HttpLimits = {},
    takesContent = false,
  ) {
    const context: ConnectionContext = {
      handle,
      takesContent,
      limits: { ...LIMITS, ...limits },
      clock: this.clock,
      log: silentLog,
      date: () => "Thu, 01 Jan 2026 00:00:00 GMT",
    };
    this.connection = new Http2Connection(this.sink, context);
  }

  /** Sends bytes as one piece, and looks at what came back. */
  send(...parts: Uint8Array[]): this {
    this.connection.receive(Buffer.concat(parts));
    return this.look();
  }

  /** The preface with an empty SETTINGS frame, or with these [id, value] entries. */
  greet(...entries: [id: number, value: number][]): this {
    return this.send(PREFACE, settingsFrame(...entries));
  }

  /** Reads what the server has sent since the last time. */
  look(): this {
    this.#rest = Buffer.concat([this.#rest, Buffer.from(this.sink.taken, "latin1")]);
    this.sink.taken = "";
    for (;;) {
      const length = this.#rest.length < FRAME_HEADER_BYTES ? Number.POSITIVE_INFINITY : this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < FRAME_HEADER_BYTES + length) return this;
      const frame = {
        type: this.#rest[3] as number,
        flags: this.#rest[4] as number,
        streamId: read31(this.#rest, 5),
        payload: Buffer.from(this.#rest.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length)),
      };
      this.#rest = this.#rest.subarray(FRAME_HEADER_BYTES + length);
      this.frames.push(frame);
      this.#note(frame);
    }
  }

  /** What a stream has brought. */
  stream(id: number): SeenStream {
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    const stream: SeenStream = { fields: [], body: Buffer.alloc(0), isEnded: false, resetCode: undefined };
    this.#streams.set(id, stream);
    return stream;
  }

  /** What became of the socket. */
  get state(): "open" | "ended" | "cut" {
    if (this.sink.isTerminated) return "cut";
    return this.sink.hasEnded ? "ended" : "open";
  }

  /** The code of the GOAWAY frame; undefined when none came. */
  get goAwayCode(): number | undefined {
    const frame = this.frames.findLast(({ type }) => type === FRAME.goAway);
    return frame === undefined ? undefined : read32(frame.payload, 4);
  }

  #note({ type, flags, streamId, payload }: SeenFrame): void {
    const stream = this.stream(streamId);
    if (type === FRAME.headers) {
      const block = this.#decoder.decode(payload, 0, payload.length);
      stream.fields = (block?.fields ?? []).flatMap(({ name, value }) => [name, value]);
    }
    if (type === FRAME.data) stream.body = Buffer.concat([stream.body, payload]);
    if ((type === FRAME.data || type === FRAME.headers) && (flags & FLAG.endStream) !== 0) stream.isEnded = true;
    if (type === FRAME.resetStream) stream.resetCode = read32(payload, 0);
  }
}

/** What every HTTP/2 client begins with. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A SETTINGS frame. */
export function settingsFrame(...entries: [id: number, value: number][]): Uint8Array {
  const payload = new Uint8Array(entries.length * 6);
  for (const [i, [id, value]] of entries.entries()) {
    payload[i * 6] = id >>> 8;
    payload[i * 6 + 1] = id;
    write32(value, payload, i * 6 + 2);
  }
  return frameOf(FRAME.settings, 0, 0, payload);
}

/** A WINDOW_UPDATE frame. */
export function windowFrame(streamId: number, increment: number): Uint8Array {
  return frameOf(FRAME.windowUpdate, 0, streamId, uint32(increment));
}

/** A RST_STREAM frame. */
export function resetFrame(streamId: number, code: number): Uint8Array {
  return frameOf(FRAME.resetStream, 0, streamId, uint32(code));
}

/** A field list as an HPACK block of literals that touch no table. */
export function literalBlock(fields: string[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    parts.push(Buffer.from([0]), literal(fields[i] ?? ""), literal(fields[i + 1] ?? ""));
  }
  return Buffer.concat(parts);
}

/** Pseudo-header fields of a GET. */
export function getFields(path = "/", ...more: string[]): string[] {
  return [":method", "GET", ":scheme", "https", ":path", path, ":authority", "a.example", ...more];
}

/** A HEADERS frame with END_HEADERS, and END_STREAM unless told otherwise. */
export function headersFrame(streamId: number, fields: string[] = getFields(), isEnd = true): Uint8Array {
  return frameOf(FRAME.headers, FLAG.endHeaders | (isEnd ? FLAG.endStream : 0), streamId, literalBlock(fields));
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>= 7) length.push(128 | (rest & 127));
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  write32(value, bytes, 0);
  return bytes;
}
