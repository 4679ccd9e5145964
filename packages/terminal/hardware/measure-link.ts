import { randomBytes } from "node:crypto";
import { z } from "zod";

/** What one measurement may take, and how to stop it. */
export interface LinkBounds {
  /** Takes GET and POST. */
  url: string;
  /** Each way. */
  maxBytes: number;
  maxMs: number;
  /** Breaks it off at once. */
  signal: AbortSignal;
}

/** How to fetch; `fetch` itself outside of tests. */
export type LinkFetch = (url: string, init: RequestInit) => Promise<Response>;

type LinkReader = Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">;

/** A Router that has not answered so long after the time was up answers no more. */
const GRACE_MS = 5000;
const UPLOAD_BLOCK_BYTES = 256 * 1024;
const MAX_ANSWER_BYTES = 4096;

/** A Router's answer to a POST: the bytes that arrived, which may be fewer than were handed to the system. */
const takenSchema = z.object({ bytes: z.number().int().min(0) });

/**
 * Body bytes a second from the Router. A body that stalls is measured up to the end of its time.
 *
 * @throws Error when there was none, or `signal`'s reason
 */
export async function measureDown(bounds: LinkBounds, fetch: LinkFetch): Promise<number> {
  const { url, maxBytes, maxMs, signal } = bounds;
  const silent = new AbortController();
  const startMs = performance.now();
  let body: LinkReader | undefined;
  // Ends the body where it stands; what came until then counts.
  const over = setTimeout(() => {
    if (body === undefined) silent.abort(nothingCame(maxMs));
    else body.cancel().catch(() => {});
  }, maxMs);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, silent.signal]), redirect: "error" });
    if (!response.ok || response.body === null) throw refusal(response);
    const reader: LinkReader = response.body.getReader();
    body = reader;
    const bytes = await countBytes(reader, maxBytes);
    if (bytes === 0) throw nothingCame(maxMs);
    return perSecond(bytes, startMs);
  } finally {
    clearTimeout(over);
    body?.cancel().catch(() => {});
  }
}

async function countBytes(reader: LinkReader, maxBytes: number): Promise<number> {
  let bytes = 0;
  while (bytes < maxBytes) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
  }
  return bytes;
}

/**
 * Body bytes a second to the Router, by what it says has arrived.
 *
 * @throws Error when it took or said nothing, or `signal`'s reason
 */
export async function measureUp(bounds: LinkBounds, fetch: LinkFetch): Promise<number> {
  const { url, maxBytes, maxMs, signal } = bounds;
  const silent = new AbortController();
  const late = setTimeout(() => silent.abort(new Error("the Router did not answer in time")), maxMs + GRACE_MS);
  const startMs = performance.now();
  const sent = { bytes: 0 };
  const body = noiseFor(sent, { maxBytes, untilMs: startMs + maxMs });
  try {
    const both = AbortSignal.any([signal, silent.signal]);
    const init = { method: "POST", body, signal: both, redirect: "error", duplex: "half" } as const;
    const response = await fetch(url, init);
    if (!response.ok) throw refusal(response);
    const taken = takenSchema.parse(JSON.parse(await readShort(response))).bytes;
    if (taken === 0) throw new Error(`the Router took nothing within ${maxMs} ms`);
    // It cannot have taken more than was sent, whatever it says.
    return perSecond(Math.min(taken, sent.bytes), startMs);
  } finally {
    clearTimeout(late);
  }
}

async function readShort(response: Response): Promise<string> {
  const blocks: Uint8Array[] = [];
  let bytes = 0;
  for await (const block of response.body ?? []) {
    bytes += block.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`the Router's answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    blocks.push(block);
  }
  return Buffer.concat(blocks).toString("utf8");
}

function noiseFor(
  sent: { bytes: number },
  { maxBytes, untilMs }: { maxBytes: number; untilMs: number },
): ReadableStream<Uint8Array> {
  const block = randomBytes(UPLOAD_BLOCK_BYTES);
  return new ReadableStream({
    pull(controller) {
      if (sent.bytes >= maxBytes || performance.now() > untilMs) {
        controller.close();
        return;
      }
      const part = block.slice(0, Math.min(block.length, maxBytes - sent.bytes));
      sent.bytes += part.length;
      controller.enqueue(part);
    },
  });
}

function nothingCame(maxMs: number): Error {
  return new Error(`the Router sent nothing within ${maxMs} ms`);
}

function refusal({ status }: Response): Error {
  return new Error(`the Router answered ${status}`);
}

function perSecond(bytes: number, startMs: number): number {
  return Math.round((bytes * 1000) / Math.max(1, performance.now() - startMs));
}
