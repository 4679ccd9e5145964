import type { Headers } from "../http/answer.ts";
import { badAnswer, declaredLength } from "../http/bad-answer.ts";
import { CONNECTION_FIELDS } from "../http/connection-fields.ts";
import { encodeHuffman, huffmanLength } from "./hpack-huffman.ts";
import { STATIC_TABLE } from "./hpack-tables.ts";

/** The first instruction of a connection's first block: our dynamic table has no bytes, whatever the peer would allow (RFC 7541 section 6.3). */
const NO_TABLE = 0x20;

/** Most bytes of one answer's field lines. */
const MAX_BLOCK_BYTES = 32 * 1024;

/** What `writeHead` takes at most beside the block: NO_TABLE, status, Content-Length and Date. */
export const HEAD_EXTRA_BYTES = 128;

/** An answer's own fields, encoded without any reference to the dynamic table: the bytes mean the same on every connection. */
export interface EncodedFields {
  block: Uint8Array;
  /** The Content-Length that the fields give. */
  declaredBytes: number | undefined;
  hasDate: boolean;
}

/** What of a response's head its fields do not say. */
export interface HeadRest {
  status: number;
  /** A Content-Length to be added. */
  addedBytes: number | undefined;
  /** Added when the fields have none (RFC 9110 section 6.6.1). */
  date: string;
  /** Whether this is the connection's first block. */
  isFirst: boolean;
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const DROPPED: ReadonlySet<string> = new Set(CONNECTION_FIELDS);

/** Index of the first entry of a name; entries of the same name stand next to each other. */
const indexOfName = new Map<string, number>();
for (const [i, [name]] of STATIC_TABLE.entries()) if (!indexOfName.has(name)) indexOfName.set(name, i + 1);

const STATUS_NAME = 8;
const indexOfStatus = new Map(
  STATIC_TABLE.flatMap(([name, value], i) => (name === ":status" ? [[Number(value), i + 1]] : [])) as [
    number,
    number,
  ][],
);
const CONTENT_LENGTH = indexOfName.get("content-length") as number;
const DATE = indexOfName.get("date") as number;

/** Blocks of frozen lists: the same object goes out with the same list again and again. */
const kept = new WeakMap<Headers, EncodedFields>();

/** Used up within each call. */
const scratch = Buffer.allocUnsafe(MAX_BLOCK_BYTES);

/**
 * The field lines of an answer as HPACK: names in lower case, fields of one connection left out (RFC 9113 section 8.2.2). A frozen list is
 * encoded once, then with Huffman codes where they are shorter. Throws NesonError "bad-answer" (bug) for what cannot be written.
 */
export function encodeFields(headers: Headers): EncodedFields {
  const known = kept.get(headers);
  if (known !== undefined) return known;
  const isKept = Object.isFrozen(headers);
  const encoded = encode(headers, isKept);
  if (isKept) kept.set(headers, encoded);
  return encoded;
}

/** Writes a whole response head; the position after it. Needs the block's length and HEAD_EXTRA_BYTES of room. */
export function writeHead(fields: EncodedFields, rest: HeadRest, into: Uint8Array, at: number): number {
  let position = at;
  if (rest.isFirst) into[position++] = NO_TABLE;
  const statusIndex = indexOfStatus.get(rest.status);
  if (statusIndex !== undefined) into[position++] = 128 | statusIndex;
  else position = writeLiteral(STATUS_NAME, String(rest.status), into, position);
  into.set(fields.block, position);
  position += fields.block.length;
  if (rest.addedBytes !== undefined) position = writeLiteral(CONTENT_LENGTH, String(rest.addedBytes), into, position);
  return fields.hasDate ? position : writeLiteral(DATE, rest.date, into, position);
}

/** Writes a trailer section; the position after it. */
export function writeTrailers(fields: EncodedFields, isFirst: boolean, into: Uint8Array, at: number): number {
  if (isFirst) into[at] = NO_TABLE;
  const start = isFirst ? at + 1 : at;
  into.set(fields.block, start);
  return start + fields.block.length;
}

function encode(headers: Headers, isKept: boolean): EncodedFields {
  let declaredBytes: number | undefined;
  let hasDate = false;
  let at = 0;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    const value = withoutBlanks(headers[i + 1] as string);
    if (!NAME.test(name)) throw badAnswer(`header name ${JSON.stringify(name)}, allowed: a token`);
    if (!VALUE.test(value))
      throw badAnswer(`value of ${name} has a character outside of Latin-1 or a control character`);
    if (DROPPED.has(name)) continue;
    if (name === "content-length") declaredBytes = declaredLength(value, declaredBytes);
    if (name === "date") hasDate = true;
    // Each of the two lengths takes at most four bytes more.
    if (at + name.length + value.length + 10 > MAX_BLOCK_BYTES) {
      throw badAnswer(`more than ${MAX_BLOCK_BYTES} bytes of header fields`);
    }
    at = writeField(name, value, isKept, at);
  }
  return { block: Uint8Array.prototype.slice.call(scratch, 0, at), declaredBytes, hasDate };
}

/** RFC 9113 section 8.2.1: no blank at either end. Others than these two are content, and not to be trimmed. */
function withoutBlanks(value: string): string {
  return /^[\t ]|[\t ]$/.test(value) ? value.replace(/^[\t ]+|[\t ]+$/g, "") : value;
}

/** RFC 7541 section 6.1 for a pair of the static table, section 6.2.2 (without indexing) for any other. */
function writeField(name: string, value: string, isShort: boolean, at: number): number {
  const index = indexOfName.get(name);
  if (index === undefined) {
    scratch[at] = 0;
    return writeString(value, isShort, scratch, writeString(name, isShort, scratch, at + 1));
  }
  for (let i = index; STATIC_TABLE[i - 1]?.[0] === name; i++) {
    if (value === "" || STATIC_TABLE[i - 1]?.[1] !== value) continue;
    scratch[at] = 128 | i;
    return at + 1;
  }
  return writeString(value, isShort, scratch, writeInteger(index, 4, 0, scratch, at));
}

function writeLiteral(nameIndex: number, value: string, into: Uint8Array, at: number): number {
  return writeString(value, false, into, writeInteger(nameIndex, 4, 0, into, at));
}

function writeString(text: string, isShort: boolean, into: Uint8Array, at: number): number {
  const codedLength = isShort ? huffmanLength(text) : text.length;
  if (codedLength < text.length) return encodeHuffman(text, into, writeInteger(codedLength, 7, 128, into, at));
  const start = writeInteger(text.length, 7, 0, into, at);
  for (let i = 0; i < text.length; i++) into[start + i] = text.charCodeAt(i);
  return start + text.length;
}

/** RFC 7541 section 5.1; `pattern` fills the bits before the prefix. */
function writeInteger(value: number, prefixBits: number, pattern: number, into: Uint8Array, at: number): number {
  const prefix = (1 << prefixBits) - 1;
  if (value < prefix) {
    into[at] = pattern | value;
    return at + 1;
  }
  into[at] = pattern | prefix;
  let position = at + 1;
  let rest = value - prefix;
  for (; rest >= 128; rest >>= 7) into[position++] = 128 | (rest & 127);
  into[position] = rest;
  return position + 1;
}
