import { STATUS_CODES } from "node:http";
import type { Headers } from "../http/answer.ts";
import { badAnswer, declaredLength } from "../http/bad-answer.ts";

/** What of a response's head its headers do not say. */
export interface HeadFrame {
  /** Length of the body when it is known; written unless the headers have a Content-Length. */
  bodyBytes: number | undefined;
  isChunked: boolean;
  /** What the Connection field says; "" writes none. */
  connection: "" | "close" | "keep-alive";
}

/** A status line with its fields, as bytes. Valid until the next call with the same headers. */
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
    if (!NAME.test(name)) throw badAnswer(`header name ${JSON.stringify(name)}, allowed: a token`);
    if (!VALUE.test(value))
      throw badAnswer(`value of ${name} has a character outside of Latin-1 or a control character`);
    const lower = name.toLowerCase();
    if (lower === "connection") {
      closes ||= /\bclose\b/i.test(value);
      continue;
    }
    if (lower === "transfer-encoding") throw badAnswer("headers have Transfer-Encoding, allowed: none");
    if (lower === "content-length") declaredBytes = declaredLength(value, declaredBytes);
    if (lower === "date") hasDate = true;
    text += `${name}: ${value}\r\n`;
  }
  const addedBytes = declaredBytes === undefined ? frame.bodyBytes : undefined;
  if (addedBytes !== undefined) text += `Content-Length: ${addedBytes}\r\n`;
  if (frame.isChunked) text += "Transfer-Encoding: chunked\r\n";
  const connection = closes ? "close" : frame.connection;
  if (connection !== "") text += `Connection: ${connection}\r\n`;
  const dateAt = hasDate ? -1 : text.length + DATE_FIELD.length;
  if (!hasDate) text += `${DATE_FIELD}${date}\r\n`;
  return { bytes: Buffer.from(`${text}\r\n`, "latin1"), declaredBytes, closes, status, addedBytes, date, dateAt };
}
