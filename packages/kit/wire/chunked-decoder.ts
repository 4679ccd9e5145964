import type { Headers } from "../http/answer.ts";
import { parseTrailers } from "./http1-head.ts";

/** A chunk's size with its extensions; extensions mean nothing here, and few clients send any. */
const MAX_LINE_BYTES = 1024;
/** RFC 9112 section 7.1.1: extensions are bounded also over a whole message. */
const MAX_EXTENSION_BYTES = 16 * 1024;

/** RFC 9112 section 7.1: at most 12 digits, which no content outgrows, and extensions without control characters. */
const SIZE_LINE = /^([0-9A-Fa-f]{1,12})((?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?)$/;

const LF = 10;
const [SIZE, DATA, DATA_END, TRAILERS, DONE] = [0, 1, 2, 3, 4];

/** Is handed bytes start..end of what is decoded. */
export type TakeBytes = (bytes: Buffer, start: number, end: number) => void;

/** Decodes one message's chunked coding (RFC 9112 section 7.1), strictly: lines end with CRLF, and everything is bounded. */
export class ChunkedDecoder {
  readonly #maxTrailerBytes: number;
  readonly #take: TakeBytes;
  #state = SIZE;
  #left = 0;
  /** The beginning of a line. */
  #line = "";
  #extensionBytes = 0;
  #trailerText = "";
  /** Fields that followed the content; complete once `isDone`. */
  trailers: Headers = [];
  /** What is wrong; nothing after it can be read. */
  fault: string | undefined;

  constructor(maxTrailerBytes: number, take: TakeBytes) {
    this.#maxTrailerBytes = maxTrailerBytes;
    this.#take = take;
  }

  /** True once the last byte was read. */
  get isDone(): boolean {
    return this.#state === DONE;
  }

  /** Reads from `at` on; the position after what belongs to the message. */
  read(bytes: Buffer, at: number): number {
    let position = at;
    while (position < bytes.length && this.#state !== DONE && this.fault === undefined) {
      if (this.#state === DATA) position = this.#readData(bytes, position);
      else position = this.#readLine(bytes, position);
    }
    return position;
  }

  #readData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#take(bytes, at, end);
    this.#left -= end - at;
    if (this.#left === 0) this.#state = DATA_END;
    return end;
  }

  #readLine(bytes: Buffer, at: number): number {
    const lineEnd = bytes.indexOf(LF, at);
    const end = lineEnd < 0 ? bytes.length : lineEnd + 1;
    const max = this.#state === TRAILERS ? this.#maxTrailerBytes - this.#trailerText.length : MAX_LINE_BYTES;
    if (this.#line.length + end - at > max) {
      this.fault = this.#state === TRAILERS ? "trailer section is too long" : "a chunk's size line is too long";
      return end;
    }
    this.#line += bytes.toString("latin1", at, end);
    if (lineEnd < 0) return end;
    const line = this.#line;
    this.#line = "";
    if (!line.endsWith("\r\n")) this.fault = "a line of the chunked coding does not end with CRLF";
    else if (this.#state === SIZE) this.#readSize(line.slice(0, -2));
    else if (this.#state === TRAILERS) this.#readTrailer(line);
    else if (line === "\r\n") this.#state = SIZE;
    else this.fault = "a chunk is longer than its size";
    return end;
  }

  #readSize(line: string): void {
    const [, digits = "", extensions = ""] = SIZE_LINE.exec(line) ?? [];
    this.#extensionBytes += extensions.length;
    if (digits === "") this.fault = "a chunk's size is not a hexadecimal number";
    else if (this.#extensionBytes > MAX_EXTENSION_BYTES) this.fault = "chunk extensions are too long";
    this.#left = Number.parseInt(digits, 16);
    this.#state = this.#left === 0 ? TRAILERS : DATA;
  }

  #readTrailer(line: string): void {
    this.#trailerText += line;
    if (line !== "\r\n") return;
    const trailers = parseTrailers(this.#trailerText);
    if ("status" in trailers) {
      this.fault = trailers.line;
    } else {
      this.trailers = trailers;
      this.#state = DONE;
    }
  }
}
