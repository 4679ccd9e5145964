import { NesonError } from "@neson/kit/error";
import type { TraceBuilder } from "./trace.ts";

const KEY_BYTES = 4;

/** Reads a log of nothing but keys: 32-bit integers, least significant byte first, no sizes. Throws NesonError "trace-cut" at its end. */
export class Keys32TraceReader {
  readonly #file: string;
  readonly #builder: TraceBuilder;
  #rest = Buffer.alloc(0);
  #keys = 0;

  constructor(file: string, builder: TraceBuilder) {
    this.#file = file;
    this.#builder = builder;
  }

  /** Takes the next bytes of the log. */
  push(piece: Uint8Array): void {
    const fresh = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const bytes = this.#rest.length === 0 ? fresh : Buffer.concat([this.#rest, fresh]);
    let at = 0;
    for (; at + KEY_BYTES <= bytes.length && !this.#builder.isFull; at += KEY_BYTES) {
      this.#builder.add(bytes.readInt32LE(at), undefined);
      this.#keys++;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
  }

  /** The log is over: nothing of a key may be left. */
  end(): void {
    if (this.#rest.length === 0 || this.#builder.isFull) return;
    const found = `${this.#rest.length} bytes after key ${this.#keys}`;
    const allowed = `keys of ${KEY_BYTES} bytes each; if this is text, say --format text`;
    throw new NesonError("trace-cut", `${this.#file}: found ${found}, allowed: ${allowed}`, { fault: "caller" });
  }
}
