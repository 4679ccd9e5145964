import { aimOf } from "../http/aim.ts";
import { type Headers, header } from "../http/answer.ts";
import { trailerFields } from "./trailer-fields.ts";

/** More field lines than any client sends; each costs memory beyond its bytes. */
const MAX_FIELDS = 256;

/** A request's header section, read and found in order. */
export interface RequestHead {
  method: string;
  /** In origin-form, or "*". */
  target: string;
  host: string;
  rawHeaders: string[];
  httpVersion: "1.0" | "1.1";
  /** Whether the client wants the connection kept (RFC 9112 section 9.3). */
  keepsAlive: boolean;
  /** Bytes of content, 0 for none; "chunked" when its end is only seen as it comes. */
  content: number | "chunked";
  /** Whether the client waits for 100 before it sends its content (RFC 9110 section 10.1.1). */
  expectsContinue: boolean;
  /** Whether the client offers to go on with another protocol (RFC 9110 section 7.8). */
  offersUpgrade: boolean;
}

/** Why a request is not served; its connection cannot be read any further. */
export interface Refusal {
  status: 400 | 413 | 431 | 501 | 505;
  line: string;
}

const TOKEN = classOf(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/);
/** Visible characters and obs-text: clients do send UTF-8 in targets, whatever RFC 3986 says. */
const TARGET = classOf(/[\x21-\x7e\x80-\xff]/);
const VALUE = classOf(/[\t\x20-\x7e\x80-\xff]/);

const [TAB, LF, CR, SPACE, COLON] = [9, 10, 13, 32, 58];

/**
 * Reads a header section strictly (RFC 9112 sections 2 to 6): lines end with CRLF, single spaces in the request line, no whitespace before a
 * colon, no folded lines, no control characters. One whose length could be read in two ways is refused.
 * @param text each byte as one character, up to and with the empty line
 */
export function parseHead(text: string): RequestHead | Refusal {
  const methodEnd = spanOf(text, 0, TOKEN);
  if (methodEnd === 0 || text.charCodeAt(methodEnd) !== SPACE) return bad("no method and single space at its start");
  const targetEnd = spanOf(text, methodEnd + 1, TARGET);
  if (targetEnd === methodEnd + 1 || text.charCodeAt(targetEnd) !== SPACE) return bad("request line is malformed");
  const lineEnd = spanOf(text, targetEnd + 1, TARGET);
  if (!isLineEnd(text, lineEnd)) return bad("request line does not end with its version");
  const version = text.slice(targetEnd + 1, lineEnd);
  if (version !== "HTTP/1.1" && version !== "HTTP/1.0") return refuseVersion(version);
  const method = text.slice(0, methodEnd);
  if (method === "CONNECT") return { status: 501, line: "CONNECT is not offered here" };
  const rawHeaders: string[] = [];
  const refusal = readFields(text, lineEnd + 2, rawHeaders);
  if (refusal !== undefined) return refusal;
  const httpVersion = version === "HTTP/1.1" ? "1.1" : "1.0";
  const aim = aimOf(text.slice(methodEnd + 1, targetEnd), rawHeaders, httpVersion, method);
  if ("refusal" in aim) return bad(aim.refusal);
  return frame(method, aim, rawHeaders, httpVersion);
}

/** Reads a trailer section (RFC 9112 section 7.1.2) as strictly; what has no place in one is left out. */
export function parseTrailers(text: string): Headers | Refusal {
  const list: Headers = [];
  return readFields(text, 0, list) ?? trailerFields(list);
}

/**
 * Whether a part of a header section can still become a whole one; spares a wrong client the wait. `isStart` says that the part stands at its
 * start; any other part begins with one character that was looked at before.
 */
export function mayBecomeHead(part: string, isStart: boolean): boolean {
  if (isStart) {
    const start = startOfHead(part);
    if (start < part.length && spanOf(part, start, TOKEN) === 0 && part.slice(start) !== "\r") return false;
  }
  for (let at = part.indexOf("\n", isStart ? 0 : 1); at >= 0; at = part.indexOf("\n", at + 1)) {
    if (part.charCodeAt(at - 1) !== CR) return false;
  }
  return true;
}

/** RFC 9112 section 2.2: empty lines before a request line are ignored. */
function startOfHead(part: string): number {
  let start = 0;
  while (isLineEnd(part, start)) start += 2;
  return start;
}

function readFields(text: string, start: number, into: string[]): Refusal | undefined {
  let at = start;
  while (text.charCodeAt(at) !== CR) {
    const nameEnd = spanOf(text, at, TOKEN);
    if (nameEnd === at) return bad("a field line does not start with a name");
    if (text.charCodeAt(nameEnd) !== COLON) return bad("a field name is not followed by a colon");
    if (into.length >= MAX_FIELDS * 2) return { status: 431, line: `more than ${MAX_FIELDS} header fields` };
    let valueStart = nameEnd + 1;
    while (isBlank(text.charCodeAt(valueStart))) valueStart++;
    const lineEnd = spanOf(text, valueStart, VALUE);
    if (!isLineEnd(text, lineEnd)) return bad("a field value has a character that is not allowed");
    let valueEnd = lineEnd;
    while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--;
    into.push(text.slice(at, nameEnd), text.slice(valueStart, valueEnd));
    at = lineEnd + 2;
  }
  return isLineEnd(text, at) && at + 2 === text.length ? undefined : bad("a line does not end with CRLF");
}

/** RFC 9112 sections 6.1 to 6.3 and 9.3: what the fields say about the message's length and about the connection. */
function frame(
  method: string,
  { target, host }: { target: string; host: string },
  rawHeaders: string[],
  httpVersion: "1.0" | "1.1",
): RequestHead | Refusal {
  const isCurrent = httpVersion === "1.1";
  let keepsAlive = isCurrent;
  let offersUpgrade = false;
  let length: string | undefined;
  let coding: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    // Lengths first: this runs for every field of every request.
    if (name.length !== 10 && name.length !== 14 && name.length !== 17) continue;
    const value = rawHeaders[i + 1] as string;
    switch (name.toLowerCase()) {
      case "connection":
        keepsAlive = wantsKept(value, keepsAlive);
        offersUpgrade ||= isCurrent && /\bupgrade\b/i.test(value);
        break;
      case "content-length":
        if (length !== undefined) return bad("more than one Content-Length, allowed: one");
        length = value;
        break;
      case "transfer-encoding":
        if (coding !== undefined) return bad("more than one Transfer-Encoding, allowed: one");
        coding = value;
        break;
    }
  }
  let content: RequestHead["content"] = 0;
  if (length !== undefined || coding !== undefined) {
    const found = contentOf(length, coding, httpVersion);
    if (typeof found === "object") return found;
    content = found;
  }
  return {
    ...{ method, target, host, rawHeaders, httpVersion, keepsAlive, content },
    expectsContinue: content !== 0 && isCurrent && header(rawHeaders, "expect")?.toLowerCase() === "100-continue",
    offersUpgrade: offersUpgrade && content === 0 && isTunnel(header(rawHeaders, "upgrade")),
  };
}

/** RFC 9112 section 6.3. */
function contentOf(length: string | undefined, coding: string | undefined, httpVersion: string) {
  if (length !== undefined && coding !== undefined) return bad("both Content-Length and Transfer-Encoding");
  if (coding !== undefined) {
    if (httpVersion === "1.0") return bad("Transfer-Encoding in HTTP/1.0");
    return coding.toLowerCase() === "chunked" ? "chunked" : bad("Transfer-Encoding is not chunked");
  }
  return /^\d{1,15}$/.test(length ?? "") ? Number(length) : bad("Content-Length is not a number of bytes");
}

/** A change of HTTP's own version is never taken up, so nobody has to wait for what becomes of it. */
function isTunnel(upgrade: string | undefined): boolean {
  return upgrade !== undefined && !/^(?:h2c|h2|HTTP\/)/i.test(upgrade);
}

/** A "close" anywhere wins over everything else. */
function wantsKept(value: string, before: boolean): boolean {
  const options = value.toLowerCase().split(",");
  let kept = before;
  for (const option of options) {
    const name = option.trim();
    if (name === "close") return false;
    if (name === "keep-alive") kept = true;
  }
  return kept;
}

function refuseVersion(version: string): Refusal {
  if (!/^HTTP\/\d\.\d$/.test(version)) return bad("request line does not end with its version");
  return { status: 505, line: "version of HTTP not spoken here, allowed: HTTP/1.0 and HTTP/1.1" };
}

function bad(reason: string): Refusal {
  return { status: 400, line: `bad request: ${reason}` };
}

function isLineEnd(text: string, at: number): boolean {
  return text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Index of the first character from `at` on that is not of the class. */
function spanOf(text: string, at: number, characters: Uint8Array): number {
  let end = at;
  while (characters[text.charCodeAt(end)] === 1) end++;
  return end;
}

function classOf(pattern: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_none, code) => Number(pattern.test(String.fromCharCode(code))));
}
