import type { IncomingHttpHeaders } from "node:http";
import { type Answer, type Body, type Headers, header, removeHeader, setHeader } from "./answer.ts";
import { ifRangeHolds, isNotModified, preconditionFails } from "./conditional.ts";
import { parseRange, type Span } from "./range.ts";

/** A stored representation and the request it is to answer. */
export interface RangedAnswerOptions {
  requestHeaders: IncomingHttpHeaders;
  method: string;
  /** Bytes of the whole representation. */
  size: number;
  /** The stored header fields; they go out verbatim, with only the framing fields set here. */
  headers: Headers;
  /** Bytes first..last, inclusive; never called for an empty representation or for HEAD. */
  read: (first: number, last: number) => Body;
  /** See Answer. */
  sent?: ((bodyBytes: number, complete: boolean) => void) | undefined;
  /** False when parts of it must not be served (Range is then ignored); true when absent. */
  rangeAllowed?: boolean | undefined;
  /** Status of the stored response, 200 when absent. Conditions and ranges apply to 200 alone. */
  status?: number | undefined;
}

/**
 * Answers GET or HEAD from a stored representation: 200, 206 (one part or multipart/byteranges), 304, 412 or 416, in the order of
 * RFC 9110 section 13.2.2. Range counts for GET only (section 14.2).
 */
export function rangedAnswer(options: RangedAnswerOptions): Answer {
  const { requestHeaders, method, size, headers, status = 200, rangeAllowed = true } = options;
  if (status !== 200) return whole(options, status, headers);
  if (isConditional(requestHeaders)) {
    const validators = validatorsOf(headers);
    if (preconditionFails(requestHeaders, validators)) return bare(options, 412, reduced(headers));
    if (isNotModified(requestHeaders, validators)) return bare(options, 304, withoutContentHeaders(headers));
  }
  const rangeValue = requestHeaders.range;
  if (!rangeAllowed) return whole(options, 200, headers);
  if (rangeValue === undefined || method !== "GET") return whole(options, 200, offeringRanges(headers));
  const served = offeringRanges(headers);
  const ifRange = requestHeaders["if-range"];
  if (!ifRangeHolds(typeof ifRange === "string" ? ifRange : undefined, validatorsOf(headers))) {
    return whole(options, 200, served);
  }
  const range = parseRange(rangeValue, size);
  switch (range.kind) {
    case "none":
      return whole(options, 200, served);
    case "one":
      return onePart(options, served, range);
    case "many":
      return manyParts(options, served, range.spans);
    case "unsatisfiable":
      return bare(options, 416, [...reduced(headers), "Content-Range", `bytes */${size}`]);
  }
}

/** Whether a request names a condition on the representation (RFC 9110 13.1), If-Range excepted. */
export function isConditional(headers: IncomingHttpHeaders): boolean {
  return (
    headers["if-none-match"] !== undefined ||
    headers["if-modified-since"] !== undefined ||
    headers["if-match"] !== undefined ||
    headers["if-unmodified-since"] !== undefined
  );
}

function validatorsOf(headers: Headers) {
  return {
    etag: header(headers, "ETag"),
    lastModified: header(headers, "Last-Modified"),
    date: header(headers, "Date"),
  };
}

function whole({ method, size, read, sent }: RangedAnswerOptions, status: number, headers: Headers): Answer {
  const body = method === "HEAD" || size === 0 ? null : read(0, size - 1);
  return withSent({ status, headers: setHeader(headers, "Content-Length", String(size)), body }, sent);
}

function onePart({ size, read, sent }: RangedAnswerOptions, headers: Headers, { first, last }: Span): Answer {
  const framed = setHeader(headers, "Content-Length", String(last - first + 1));
  framed.push("Content-Range", `bytes ${first}-${last}/${size}`);
  return withSent({ status: 206, headers: framed, body: read(first, last) }, sent);
}

function offeringRanges(headers: Headers): Headers {
  return setHeader(headers, "Accept-Ranges", "bytes");
}

/** RFC 9110 section 14.6: each part repeats the type and names its range; the whole answer must not carry a Content-Range. */
function manyParts({ size, read, sent }: RangedAnswerOptions, headers: Headers, spans: Span[]): Answer {
  const boundary = `neson-${crypto.randomUUID()}`;
  const type = header(headers, "Content-Type");
  const typeLine = type === undefined ? "" : `Content-Type: ${type}\r\n`;
  const parts = spans.map((span, i) => {
    const lead = i === 0 ? "" : "\r\n";
    const rangeLine = `Content-Range: bytes ${span.first}-${span.last}/${size}\r\n`;
    return { span, head: Buffer.from(`${lead}--${boundary}\r\n${typeLine}${rangeLine}\r\n`, "latin1") };
  });
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`, "latin1");
  const length = parts.reduce((sum, { span, head }) => sum + head.length + span.last - span.first + 1, tail.length);
  const typed = setHeader(headers, "Content-Type", `multipart/byteranges; boundary=${boundary}`);
  async function* body() {
    for (const { span, head } of parts) {
      yield head;
      const part = read(span.first, span.last);
      if (part instanceof Uint8Array) yield part;
      else if (part !== null) yield* part;
    }
    yield tail;
  }
  return withSent({ status: 206, headers: setHeader(typed, "Content-Length", String(length)), body: body() }, sent);
}

function bare({ sent }: RangedAnswerOptions, status: number, headers: Headers): Answer {
  const framed = status === 304 ? headers : setHeader(headers, "Content-Length", "0");
  return withSent({ status, headers: framed, body: null }, sent);
}

function withSent(answer: Answer, sent: RangedAnswerOptions["sent"]): Answer {
  if (sent !== undefined) answer.sent = sent;
  return answer;
}

const CONTENT_HEADERS = ["Content-Length", "Content-Type", "Content-Encoding", "Content-Language", "Content-Range"];
const STORED_ONLY_HEADERS = [...CONTENT_HEADERS, "ETag", "Last-Modified", "Cache-Control", "Expires", "Age"];

/** RFC 9110 section 15.4.5: a 304 carries what guides caches, and no other metadata of the representation. */
function withoutContentHeaders(headers: Headers): Headers {
  return CONTENT_HEADERS.reduce(removeHeader, headers);
}

/** What an error about the representation may still say of it: nothing that would let a cache keep the error. */
function reduced(headers: Headers): Headers {
  return STORED_ONLY_HEADERS.reduce(removeHeader, headers);
}
