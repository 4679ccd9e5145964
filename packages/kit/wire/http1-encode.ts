import { STATUS_CODES } from "node:http";
import type { Headers } from "../http/answer.ts";
import { badAnswer, declaredLength } from "../http/bad-answer.ts";
import { trailerFields } from "./trailer-fields.ts";

/** What of a response's head its headers do not say. */
export interface HeadFrame {
  /** Length of the body when it is known; written unless the headers have a Content-Length. */
  bodyBytes: number | undefined;
  isChunked: boolean;
  /** What the Connection field says; "" writes none. */
  connection: "" | "close" | "keep-alive";
}

/** A status line with its fields, as bytes. Valid until the next call. */
export interface EncodedHead {
  bytes: Uint8Array;
  /** The Content-Length that the headers give. */
  declaredBytes: number | undefined;
  /** True when the headers ask for the connection to be closed. */
  closes: boolean;
}

interface KeptHead extends EncodedHead {
  status: number;
  /** The Content-Length that was added; undefined when the headers have one. */
  addedBytes: number | undefined;
  date: string;
  /** Where the date stands in the bytes; -1 when the headers bring one. */
  dateAt: number;
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const DATE_FIELD = "Date: ";

/** Heads of frozen header lists: the same object goes out with the same list again and again. */
const kept = new WeakMap<Headers, KeptHead>();

/**
 * A response's head, with Date (RFC 9110 section 6.6.1) when the headers have none. A frozen list is encoded once and kept; after that only its
 * Date is renewed. Throws NesonError "bad-answer" (bug) for what cannot be written.
 */
export function encodeHead(status: number, headers: Headers, frame: HeadFrame, date: string): EncodedHead {
  const isPlain = frame.connection === "" && !frame.isChunked;
  const known = isPlain ? kept.get(headers) : undefined;
  if (
    known !== undefined &&
    known.status === status &&
    (known.declaredBytes !== undefined || known.addedBytes === frame.bodyBytes)
  ) {
    if (known.date !== date && known.dateAt >= 0) renewDate(known, date);
    return known;
  }
  const head = encode(status, headers, frame, date);
  if (isPlain && Object.isFrozen(headers)) kept.set(headers, head);
  return head;
}

/**
 * The head of an interim answer (RFC 9110 section 15.2), which has no Date and frames nothing; 101 says what the connection goes on with.
 * Throws NesonError "bad-answer" (bug) for what cannot be written.
 */
export function encodeInterim(status: number, headers: Headers): Uint8Array {
  const fields = fieldText(headers);
  const connection = status === 101 ? "Connection: Upgrade\r\n" : "";
  return Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${fields}${connection}\r\n`, "latin1");
}

/** The end of a chunked body, with the fields that follow it. Throws NesonError "bad-answer" (bug). */
export function encodeLastChunk(trailers: Headers): Uint8Array {
  return Buffer.from(`0\r\n${fieldText(trailerFields(trailers))}\r\n`, "latin1");
}

/** Field lines without what frames a message. */
function fieldText(headers: Headers): string {
  let text = "";
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    const field = checkedField(name, value);
    if (field === FIELD.plain || field === FIELD.date) text += `${name}: ${value}\r\n`;
  }
  return text;
}

/** What a field's name means for the head. */
const FIELD = { plain: 0, connection: 1, contentLength: 2, transferEncoding: 3, date: 4 } as const;

/** Names that were looked at before: answers have few, and the same again and again. */
const knownNames = new Map<string, KnownName>();
const MAX_KNOWN_NAMES = 1000;

interface KnownName {
  field: number;
  /** The value that was last found in order: most are the same as before. */
  value: string;
}

/** What a field's name means. Throws NesonError "bad-answer" (bug) for a field that cannot be written. */
function checkedField(name: string, value: string): number {
  const known = knownNames.get(name) ?? learnName(name);
  if (value === known.value) return known.field;
  if (!VALUE.test(value)) throw badAnswer(`value of ${name} has a character outside of Latin-1 or a control character`);
  known.value = value;
  return known.field;
}

function learnName(name: string): KnownName {
  if (!NAME.test(name)) throw badAnswer(`header name ${JSON.stringify(name)}, allowed: a token`);
  let field: number = FIELD.plain;
  switch (name.toLowerCase()) {
    case "connection":
      field = FIELD.connection;
      break;
    case "content-length":
      field = FIELD.contentLength;
      break;
    case "transfer-encoding":
      field = FIELD.transferEncoding;
      break;
    case "date":
      field = FIELD.date;
      break;
  }
  const known = { field, value: "" };
  if (knownNames.size < MAX_KNOWN_NAMES) knownNames.set(name, known);
  return known;
}

/** Heads that are not kept stand here, one at a time: no memory is asked for each of them. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024);

function bytesOf(text: string, isKept: boolean): Uint8Array {
  if (isKept || text.length > scratch.length) return Buffer.from(text, "latin1");
  return scratch.subarray(0, scratch.write(text, 0, "latin1"));
}

function renewDate(head: KeptHead, date: string): void {
  head.date = date;
  for (let i = 0; i < date.length; i++) head.bytes[head.dateAt + i] = date.charCodeAt(i);
}

function encode(status: number, headers: Headers, frame: HeadFrame, date: string): KeptHead {
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw badAnswer(`status ${status}, allowed: 200 to 599`);
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  let declaredBytes: number | undefined;
  let hasDate = false;
  let closes = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    const field = checkedField(name, value);
    if (field !== FIELD.plain) {
      if (field === FIELD.connection) {
        closes ||= /\bclose\b/i.test(value);
        continue;
      }
      if (field === FIELD.transferEncoding) throw badAnswer("headers have Transfer-Encoding, allowed: none");
      if (field === FIELD.contentLength) declaredBytes = declaredLength(value, declaredBytes);
      else hasDate = true;
    }
    text += `${name}: ${value}\r\n`;
  }
  const addedBytes = declaredBytes === undefined ? frame.bodyBytes : undefined;
  if (addedBytes !== undefined) text += `Content-Length: ${addedBytes}\r\n`;
  if (frame.isChunked) text += "Transfer-Encoding: chunked\r\n";
  const connection = closes ? "close" : frame.connection;
  if (connection !== "") text += `Connection: ${connection}\r\n`;
  const dateAt = hasDate ? -1 : text.length + DATE_FIELD.length;
  if (!hasDate) text += `${DATE_FIELD}${date}\r\n`;
  return {
    bytes: bytesOf(`${text}\r\n`, Object.isFrozen(headers)),
    declaredBytes,
    closes,
    status,
    addedBytes,
    date,
    dateAt,
  };
}
