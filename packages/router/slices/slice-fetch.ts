import { NesonError } from "@neson/kit/error";
import type { OriginResponse } from "../origin/origin-client.ts";
import { SliceBody } from "./slice-body.ts";

/** One origin request for a stretch of a representation, read along by whoever wants bytes of it. */
export class SliceFetch {
  /** First byte it brings, of the whole. */
  readonly first: number;
  /** Last byte it is to bring; less once the origin said that it sends less. */
  last: number;
  readonly body = new SliceBody();
  /** What the origin's header section said. "changed": this version cannot be had any more. "failing": not now. Never rejects. */
  landing: Promise<"part" | "changed" | "failing" | { error: unknown }> = Promise.resolve("part");
  /** True once the bytes are on disk: who lags behind reads them there. */
  isStored = false;
  /** True once its body broke off: nobody may join any more. */
  hasBroken = false;

  constructor(first: number, last: number) {
    this.first = first;
    this.last = last;
  }

  /** Bytes `at` to `last` of the whole as they come, at most what it brings. */
  read(at: number, last: number): AsyncGenerator<Uint8Array, void, undefined> {
    return this.body.read(at - this.first, Math.min(last, this.last) - this.first);
  }
}

/**
 * Reads a response into a fetch, at most up to its last byte; the newest bytes stay hidden until the fetch ends, so that who has read all of it finds it
 * stored.
 * @param carriesLast last byte that the response says it carries, of the whole
 * @throws NesonError (peer) when it breaks off, pauses too long or is not as long as it said; what came before is in the fetch's body
 */
export async function receivePart(fetch: SliceFetch, response: OriginResponse, carriesLast: number): Promise<void> {
  const { body } = fetch;
  const wantedBytes = fetch.last - fetch.first + 1;
  const carriesMore = carriesLast > fetch.last;
  for await (const chunk of response.body) {
    const room = wantedBytes - body.receivedBytes;
    if (chunk.length > room && !carriesMore) throw unlike(`more than the ${wantedBytes} bytes it announced`);
    const taken = chunk.length > room ? chunk.subarray(0, room) : chunk;
    if (taken.length > 0) body.append(taken, body.receivedBytes + taken.length < wantedBytes);
    // Leaving the loop cuts the rest off.
    if (carriesMore && body.receivedBytes === wantedBytes) return;
  }
  if (body.receivedBytes < wantedBytes) throw unlike(`${body.receivedBytes} bytes of the ${wantedBytes} it announced`);
}

function unlike(found: string): NesonError {
  return new NesonError("origin-bad-response", `a part from the origin: found ${found}`, { fault: "peer" });
}
