/** Frame types (RFC 9113 section 6). */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Frame flags (RFC 9113 section 6). */
export const FLAG = {
  ack: 1,
  endStream: 1,
  endHeaders: 4,
  padded: 8,
  priority: 32,
} as const;

/** Error codes (RFC 9113 section 7). */
export const ERROR = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

/** Bytes of a frame header (RFC 9113 section 4.1). */
export const FRAME_HEADER_BYTES = 9;

/** Largest payload that a peer may send until it is told otherwise, and it never is (RFC 9113 section 6.5.2). */
export const MAX_FRAME_BYTES = 16_384;

/** The largest flow-control window (RFC 9113 section 6.9.1). */
export const MAX_WINDOW_BYTES = 2 ** 31 - 1;

/** Windows until they are changed (RFC 9113 section 6.9.2). */
export const INITIAL_WINDOW_BYTES = 65_535;

/** The 31 bits at `at`: a stream id, or a window increment. The reserved bit is ignored. */
export function read31(bytes: Uint8Array, at: number): number {
  return read32(bytes, at) & 0x7fffffff;
}

/** The unsigned 32 bits at `at`. */
export function read32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

/** Writes 32 bits; the position after them. */
export function write32(value: number, into: Uint8Array, at: number): number {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
  return at + 4;
}

/** Writes a frame header; the position after it. */
export function writeFrameHeader(
  payloadBytes: number,
  type: number,
  flags: number,
  streamId: number,
  into: Uint8Array,
  at: number,
): number {
  into[at] = payloadBytes >>> 16;
  into[at + 1] = payloadBytes >>> 8;
  into[at + 2] = payloadBytes;
  into[at + 3] = type;
  into[at + 4] = flags;
  return write32(streamId, into, at + 5);
}

/** A whole frame of its own. */
export function frameOf(type: number, flags: number, streamId: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeFrameHeader(payload.length, type, flags, streamId, frame, 0);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/** Payload lengths that alone are right: [type, bytes] (RFC 9113 sections 6.3 to 6.9). */
const EXACT_BYTES = new Map<number, number>([
  [FRAME.resetStream, 4],
  [FRAME.ping, 8],
  [FRAME.windowUpdate, 4],
]);
const ON_STREAMS: ReadonlySet<number> = new Set([
  FRAME.data,
  FRAME.headers,
  FRAME.priority,
  FRAME.resetStream,
  FRAME.continuation,
]);
const ON_CONNECTION: ReadonlySet<number> = new Set([FRAME.settings, FRAME.ping, FRAME.goAway]);

/**
 * The connection error that a frame header alone is (RFC 9113 sections 4.2 and 6); undefined when there is none. A PRIORITY frame of a wrong
 * length is only a stream error, and is the caller's.
 */
export function headerFault(payloadBytes: number, type: number, flags: number, streamId: number): number | undefined {
  if (payloadBytes > MAX_FRAME_BYTES) return ERROR.frameSize;
  if (streamId === 0 ? ON_STREAMS.has(type) : ON_CONNECTION.has(type)) return ERROR.protocol;
  // Streams with even ids are a server's own (section 5.1.1), and this one opens none.
  if (streamId !== 0 && (streamId & 1) === 0 && type <= FRAME.continuation) return ERROR.protocol;
  const exact = EXACT_BYTES.get(type);
  if (exact !== undefined && payloadBytes !== exact) return ERROR.frameSize;
  if (type === FRAME.settings && payloadBytes % 6 !== 0) return ERROR.frameSize;
  if (type === FRAME.settings && (flags & FLAG.ack) !== 0 && payloadBytes !== 0) return ERROR.frameSize;
  if (type === FRAME.goAway && payloadBytes < 8) return ERROR.frameSize;
  return type === FRAME.pushPromise ? ERROR.protocol : undefined;
}
