/** Enough for the head of nearly every answer. */
const HEADROOM_BYTES = 2048;

/** The buffer around each body that has room before it. */
const buffers = new WeakMap<Uint8Array, Uint8Array>();

/**
 * Memory for a body of `size` bytes, with room before it in which a connection can put the head of an answer: then both are sent with one write, and
 * nothing is copied. For what is sent often, as objects that are kept in memory. The room is used anew for every answer.
 */
export function bodyWithHeadroom(size: number): Uint8Array {
  const buffer = new Uint8Array(HEADROOM_BYTES + size);
  const body = buffer.subarray(HEADROOM_BYTES);
  buffers.set(body, buffer);
  return body;
}

/** A buffer whose end, from index `start` on, is the head and then the body. */
export interface Joined {
  buffer: Uint8Array;
  start: number;
}

/** Puts a head right before a body that was made with room for it; undefined for any other body, and for a head that is too long. */
export function joinHead(head: Uint8Array, body: Uint8Array): Joined | undefined {
  const buffer = buffers.get(body);
  if (buffer === undefined || head.length > HEADROOM_BYTES) return undefined;
  const start = HEADROOM_BYTES - head.length;
  buffer.set(head, start);
  return { buffer, start };
}
