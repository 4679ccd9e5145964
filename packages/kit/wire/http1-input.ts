import { mayBecomeHead, parseHead, type Refusal, type RequestHead } from "./http1-head.ts";

const HEAD_END = Buffer.from("\r\n\r\n");
const NOTHING = Buffer.alloc(0);
const [CR, LF] = [13, 10];

/** What one connection has received and not yet read: header sections, whole or in parts. */
export class Http1Input {
  readonly #maxHeaderBytes: number;
  #bytes: Buffer = NOTHING;
  #at = 0;
  /** Up to here no header section ends. */
  #searchedTo = 0;
  /** True while the bytes are the caller's. */
  #isBorrowed = false;

  constructor(maxHeaderBytes: number) {
    this.#maxHeaderBytes = maxHeaderBytes;
  }

  /** Bytes that wait. */
  get size(): number {
    return this.#bytes.length - this.#at;
  }

  /** Takes bytes that are valid until `own` is called. */
  add(bytes: Uint8Array): void {
    const received = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.size > 0) {
      this.#searchedTo -= this.#at;
      this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), received]);
      this.#isBorrowed = false;
    } else {
      this.#searchedTo = 0;
      this.#bytes = received;
      this.#isBorrowed = true;
    }
    this.#at = 0;
  }

  /** The next header section, or why there can be none; undefined until more is received. */
  next(): RequestHead | Refusal | undefined {
    this.#skipEmptyLines();
    if (this.size === 0) return undefined;
    const knownTo = Math.max(this.#at, this.#searchedTo);
    const end = this.#bytes.indexOf(HEAD_END, Math.max(this.#at, knownTo - HEAD_END.length + 1));
    const headEnd = end < 0 ? this.#bytes.length : end + HEAD_END.length;
    if (headEnd - this.#at > this.#maxHeaderBytes) {
      return { status: 431, line: `header section is longer than ${this.#maxHeaderBytes} bytes` };
    }
    if (end < 0) return this.#checkPart(knownTo);
    const head = parseHead(this.#bytes.toString("latin1", this.#at, headEnd));
    this.#at = headEnd;
    return head;
  }

  /** Hands what waits to a reader of content, who gives the position up to which it is read. */
  readBy(read: (bytes: Buffer, at: number) => number): void {
    this.#at = read(this.#bytes, this.#at);
  }

  /** Copies what waits, if it is the caller's. */
  own(): void {
    if (!this.#isBorrowed) return;
    if (this.size === 0) {
      this.drop();
      return;
    }
    this.#searchedTo -= this.#at;
    this.#bytes = Buffer.from(this.#bytes.subarray(this.#at));
    this.#at = 0;
    this.#isBorrowed = false;
  }

  /** Forgets what waits. */
  drop(): void {
    this.#bytes = NOTHING;
    this.#at = 0;
    this.#isBorrowed = false;
  }

  /** RFC 9112 section 2.2: empty lines before a request line are ignored. */
  #skipEmptyLines(): void {
    while (this.#bytes[this.#at] === CR && this.#bytes[this.#at + 1] === LF) this.#at += 2;
  }

  /** Looks only at what is new, so that a client that sends byte by byte costs no more than another. */
  #checkPart(knownTo: number): Refusal | undefined {
    const isStart = knownTo === this.#at;
    const part = this.#bytes.toString("latin1", isStart ? this.#at : knownTo - 1);
    this.#searchedTo = this.#bytes.length;
    return mayBecomeHead(part, isStart) ? undefined : { status: 400, line: "bad request: this is not HTTP/1.1" };
  }
}
