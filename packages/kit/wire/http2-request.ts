import { aimOf } from "../http/aim.ts";
import type { Headers } from "../http/answer.ts";
import type { DecodedBlock } from "./hpack-decoder.ts";
import { type Field, ROLE } from "./hpack-field.ts";
import type { ReceivedContent } from "./received-content.ts";
import { type Informer, ReceivedRequest } from "./received-request.ts";
import { trailerFields } from "./trailer-fields.ts";

/** A request's header section, read and found in order. Never changes: requests of the same bytes share it. */
export interface Http2Head {
  readonly method: string;
  /** In origin-form, or "*". */
  readonly target: string;
  readonly host: string;
  /** In the order of the block, without pseudo-header fields. */
  readonly fields: readonly Field[];
  /** The Content-Length given. */
  readonly contentBytes: number | undefined;
}

/** A well-formed request that is not served; the connection goes on. */
export interface Http2Refusal {
  readonly status: 400 | 413 | 431 | 501;
  readonly line: string;
}

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TARGET = /^\/[\x21-\x7e\x80-\xff]*$/;

/** Reads a request (RFC 9113 section 8.3.1); undefined when it is malformed, which is a stream error of type PROTOCOL_ERROR. */
export function headOf({ fields, isTooLarge }: DecodedBlock, maxBytes: number): Http2Head | Http2Refusal | undefined {
  if (isTooLarge)
    return { status: 431, line: `header section is larger than ${maxBytes} bytes or has too many fields` };
  const special = [undefined, undefined, undefined, undefined, undefined, undefined, undefined] as (
    | string
    | undefined
  )[];
  let pseudoFields = 0;
  let areFieldsRegular = false;
  for (const { role, value } of fields) {
    if (role === ROLE.plain) {
      areFieldsRegular = true;
      continue;
    }
    if (role === ROLE.forbidden || special[role] !== undefined) return undefined;
    special[role] = value;
    if (role > ROLE.path) {
      areFieldsRegular = true;
      continue;
    }
    // Section 8.3: pseudo-header fields come first.
    if (areFieldsRegular) return undefined;
    pseudoFields++;
  }
  return assemble(special, fields.slice(pseudoFields));
}

/**
 * Reads a block as a request's trailers (RFC 9113 section 8.1): no pseudo-header field, nothing forbidden; what has no place in them is left out.
 * Undefined when it is malformed.
 */
export function trailersOf({ fields, isTooLarge }: DecodedBlock): Headers | undefined {
  if (isTooLarge) return undefined;
  if (!fields.every(({ role }) => role === ROLE.plain || role === ROLE.host || role === ROLE.contentLength))
    return undefined;
  return trailerFields(fields.flatMap(({ name, value }) => [name, value]));
}

function assemble(special: (string | undefined)[], fields: Field[]): Http2Head | Http2Refusal | undefined {
  const method = special[ROLE.method];
  const scheme = special[ROLE.scheme];
  const target = special[ROLE.path];
  const authority = special[ROLE.authority];
  const host = special[ROLE.host];
  if (method === undefined || !METHOD.test(method)) return undefined;
  if (method === "CONNECT") {
    // Section 8.5: it has neither scheme nor path.
    if (scheme !== undefined || target !== undefined || authority === undefined) return undefined;
    return { status: 501, line: "CONNECT is not offered here" };
  }
  if (scheme === undefined || scheme === "" || target === undefined) return undefined;
  if (!TARGET.test(target) && !(target === "*" && method === "OPTIONS")) return undefined;
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase()) return undefined;
  const length = special[ROLE.contentLength];
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return undefined;
  const named = authority ?? host ?? "";
  if (named === "") return undefined;
  const aim = aimOf("/", ["host", named], "2");
  if ("refusal" in aim) return { status: 400, line: `bad request: ${aim.refusal}` };
  const contentBytes = length === undefined ? undefined : Number(length);
  return { method, target, host: aim.host, fields, contentBytes };
}

/** Where a request came in. */
export interface Http2RequestOrigin {
  streamId: number;
  remoteAddress: string;
  content: ReceivedContent | undefined;
  informer: Informer;
}

/** One HTTP/2 request. */
export class Http2Request extends ReceivedRequest {
  readonly httpVersion = "2.0";
  readonly streamId: number;
  readonly #fields: readonly Field[];
  /** Content follows, of a length that was not given. */
  readonly #isOpenEnded: boolean;
  #rawHeaders: string[] | undefined;

  constructor(head: Http2Head, from: Http2RequestOrigin) {
    super(head, from.remoteAddress, from.content, from.informer);
    this.streamId = from.streamId;
    this.#fields = head.fields;
    this.#isOpenEnded = from.content !== undefined && head.contentBytes === undefined;
  }

  /** As HTTP/1.1 would bring it: with a Host field, and with what frames its content. */
  get rawHeaders(): string[] {
    if (this.#rawHeaders === undefined) {
      const list = this.#fields.some(({ role }) => role === ROLE.host) ? [] : ["host", this.host];
      for (const { name, value } of this.#fields) list.push(name, value);
      if (this.#isOpenEnded) list.push("transfer-encoding", "chunked");
      this.#rawHeaders = list;
    }
    return this.#rawHeaders;
  }
}
