/**
 * What went wrong, one code per cause a caller may want to tell apart.
 *
 * | code | why |
 * | --- | --- |
 * | `malformed-frame` | a control message is not JSON, or a field breaks its bound (`field` names it) |
 * | `oversized-frame` | a control message is longer than `MAX_FRAME_BYTES` |
 * | `unknown-type` | a control message of a type this version does not know |
 * | `bad-signature` | a manifest not signed by the expected Router key |
 * | `bad-manifest` | a manifest that breaks its schema |
 * | `headers-mismatch` | a manifest whose header list does not give its headersId |
 * | `pieces-mismatch` | a piece list that does not give the object id it came with |
 * | `bad-ticket` | a ticket that cannot be written: a field is outside its bound (a bug of the writer) |
 * | `bad-object` | an object's numbers are outside their bounds (size, piece index) |
 * | `bad-key` | key material of the wrong length |
 */
export type ProtocolErrorCode =
  | "malformed-frame"
  | "oversized-frame"
  | "unknown-type"
  | "bad-signature"
  | "bad-manifest"
  | "headers-mismatch"
  | "pieces-mismatch"
  | "bad-ticket"
  | "bad-object"
  | "bad-key";

/** The only error this package throws. The message says what was read, what was found and what is allowed. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ProtocolErrorCode;
  /** Dotted path of the offending field (`hello.endpoint`, `claims.claims.3.ticket`) when one field is to blame. */
  readonly field: string | undefined;

  constructor(code: ProtocolErrorCode, message: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }
}
