import { NesonError } from "@neson/kit/error";
import type { TraceBuilder } from "./trace.ts";

const MAX_LINE_BYTES = 8192;
const MAX_ID_LENGTH = 2048;
const MAX_SIZE = 2 ** 50;
const NEWLINE = 10;
/** Longest part of a value that an error repeats. */
const SHOWN = 40;

/**
 * Reads lines `time id size`, separated by blanks or commas: time a number that is not used, id any text, size in whole bytes and
 * optional. Further columns are ignored, as are empty lines and those that begin with #. Throws NesonError "trace-line", which names
 * file and line.
 */
export class TextTraceReader {
  readonly #file: string;
  readonly #builder: TraceBuilder;
  #line = 0;
  /** The beginning of a line whose end has not come yet. */
  #rest = Buffer.alloc(0);

  constructor(file: string, builder: TraceBuilder) {
    this.#file = file;
    this.#builder = builder;
  }

  /** Takes the next bytes of the log. */
  push(piece: Uint8Array): void {
    const fresh = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const bytes = this.#rest.length === 0 ? fresh : Buffer.concat([this.#rest, fresh]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#readLine(bytes, start, end);
      start = end + 1;
      if (this.#builder.isFull) return;
    }
    // Copied: the piece's memory may be used again by whoever gave it.
    this.#rest = Buffer.from(bytes.subarray(start));
    if (this.#rest.length > MAX_LINE_BYTES) this.#readLine(this.#rest, 0, this.#rest.length);
  }

  /** Takes the last line, where no newline ended it. */
  end(): void {
    if (this.#rest.length > 0 && !this.#builder.isFull) this.#readLine(this.#rest, 0, this.#rest.length);
  }

  #readLine(bytes: Buffer, start: number, end: number): void {
    this.#line++;
    if (end - start > MAX_LINE_BYTES) {
      throw this.#refuse(`a line longer than ${MAX_LINE_BYTES} bytes`, `at most ${MAX_LINE_BYTES}`);
    }
    // One character per byte: ids need not be valid UTF-8, and none become equal by decoding.
    const text = bytes.toString("latin1", start, end).trim();
    if (text === "" || text.startsWith("#")) return;
    const [time = "", id = "", size] = text.split(/\s*,\s*|\s+/, 3);
    if (!/^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(time)) throw this.#refuse(`time ${shown(time)}`, "a number");
    if (id === "") throw this.#refuse("no id", 'a line "time id size" or "time id"');
    if (id.length > MAX_ID_LENGTH) throw this.#refuse(`an id of ${id.length} bytes`, `at most ${MAX_ID_LENGTH}`);
    this.#builder.add(id, size === undefined ? undefined : this.#sizeOf(size));
  }

  #sizeOf(text: string): number {
    const size = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (size <= MAX_SIZE) return size;
    throw this.#refuse(`size ${shown(text)}`, `whole bytes from 0 to ${MAX_SIZE}`);
  }

  #refuse(found: string, allowed: string): NesonError {
    const message = `${this.#file}, line ${this.#line}: found ${found}, allowed: ${allowed}`;
    return new NesonError("trace-line", message, { fault: "caller" });
  }
}

function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}
