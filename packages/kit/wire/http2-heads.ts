import type { Headers } from "../http/answer.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { type Http2Head, type Http2Refusal, headOf, trailersOf } from "./http2-request.ts";

/** Blocks longer than this, or more of them, are not kept. */
const MAX_KEPT_BYTES = 128;
const MAX_KEPT = 64;

/** What a header block turned out to be: "malformed" is an error of its stream, "broken" of the connection. */
export type ReadHead = Http2Head | Http2Refusal | "malformed" | "broken";

/**
 * Reads the header blocks of one connection. A client that asks for something again sends the very same few bytes, all of them references to the
 * tables; while the dynamic table stays as it is they mean the same, so what they were read as is kept.
 */
export class Http2Heads {
  readonly #decoder: HpackDecoder;
  readonly #maxBytes: number;
  readonly #kept = new Map<string, Http2Head>();
  #keptVersion = 0;

  constructor(maxHeaderBytes: number) {
    this.#decoder = new HpackDecoder(maxHeaderBytes);
    this.#maxBytes = maxHeaderBytes;
  }

  /** Reads a request's header section. */
  read(bytes: Buffer, start: number, end: number): ReadHead {
    if (end - start > MAX_KEPT_BYTES) return this.#decode(bytes, start, end);
    const key = bytes.toString("latin1", start, end);
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const head = this.#decode(bytes, start, end);
    if (this.#keptVersion !== this.#decoder.version) {
      this.#kept.clear();
      this.#keptVersion = this.#decoder.version;
    } else if (typeof head !== "string" && "method" in head && this.#kept.size < MAX_KEPT) {
      this.#kept.set(key, head);
    }
    return head;
  }

  /** Reads a block that is not a request's beginning, as trailers. */
  readTrailers(bytes: Buffer, start: number, end: number): Headers | "malformed" | "broken" {
    const block = this.#decoder.decode(bytes, start, end);
    if (block === undefined) return "broken";
    return trailersOf(block) ?? "malformed";
  }

  #decode(bytes: Buffer, start: number, end: number): ReadHead {
    const block = this.#decoder.decode(bytes, start, end);
    return block === undefined ? "broken" : (headOf(block, this.#maxBytes) ?? "malformed");
  }
}
