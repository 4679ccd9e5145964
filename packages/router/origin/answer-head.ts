import { NesonError } from "@neson/kit/error";
import { fieldLines, listMembers } from "../policy/fields.ts";

/** More field lines than any website sends; each costs memory beyond its bytes, wherever the answer is kept. */
const MAX_FIELDS = 256;
/** Interim answers (RFC 9110 15.2) ahead of one answer. */
const MAX_INTERIM = 64;

/** An answer's head as it came. */
export interface AnswerHead {
  status: number;
  /** As an answer of HTTP/1 says; undefined for one of HTTP/2. */
  httpVersion?: string;
  /** Flat. */
  rawHeaders: readonly string[];
}

/**
 * Why an answer is not taken although it could be read; undefined when nothing is wrong. What is refused here has a length, or a meaning, that its
 * readers could see differently.
 */
export function wrongHead({ status, httpVersion, rawHeaders }: AnswerHead): string | undefined {
  if (httpVersion !== undefined && !/^1\.[01]$/.test(httpVersion))
    return `version ${httpVersion}, allowed: 1.0 and 1.1`;
  // RFC 9110 15: the first digit is the class, and only 1 to 5 are classes.
  if (!Number.isInteger(status) || status < 200 || status > 599) return `status ${status}, allowed: 200 to 599`;
  if (rawHeaders.length > MAX_FIELDS * 2) return `${rawHeaders.length / 2} fields, allowed: ${MAX_FIELDS}`;
  const lengths = fieldLines(rawHeaders, "content-length");
  if (lengths.length > 1 || !lengths.every((length) => /^\d{1,15}$/.test(length))) {
    return `Content-Length ${lengths.join(", ").slice(0, 100)}, allowed: one number of bytes`;
  }
  const codings = fieldLines(rawHeaders, "transfer-encoding");
  if (codings.length === 0) return undefined;
  // RFC 9112 6.1: none in HTTP/1.0, and none that this side did not ask for, since nobody here would take it off.
  if (httpVersion !== "1.1") return `Transfer-Encoding in version ${httpVersion ?? "2"}, allowed: none`;
  if (codings.length > 1 || listMembers(codings).join() !== "chunked") {
    return `Transfer-Encoding ${codings.join(", ").slice(0, 100)}, allowed: chunked`;
  }
  return undefined;
}

/** Counts the interim answers to one request. */
export class InterimCount {
  #count = 0;

  /** Why one more is not taken; undefined when it is. 101 is one only to who has asked for it, and then it is the last. */
  wrong(status: number): string | undefined {
    this.#count += 1;
    if (status === 101) return "status 101, which was not asked for";
    return this.#count > MAX_INTERIM ? `more than ${MAX_INTERIM} interim answers` : undefined;
  }
}

/** The failure of an origin whose answer is not taken. */
export function badAnswer(host: string, found: string): NesonError {
  return new NesonError("origin-bad-response", `origin ${host}: its answer has ${found}`, { fault: "peer" });
}
