/**
 * Whose doing an error is. It alone decides the HTTP status, the log level and whether a retry makes sense.
 * - caller: the request or argument was wrong; trying again changes nothing
 * - operator: this installation is set up wrong (option, port, disk, refused origin)
 * - peer: another machine failed or lied; a later try may work
 * - bug: this program is wrong
 */
export type Fault = "caller" | "operator" | "peer" | "bug";

/** What an error carries beside its code and message. */
export interface ErrorContext {
  fault: Fault;
  /** Values for the log; never secrets. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** The one error class. `code` is stable and machine-readable; `message` says what was attempted, found and allowed. */
export class NesonError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly fault: Fault;
  readonly details: Record<string, unknown>;

  constructor(code: Code, message: string, context: ErrorContext) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.name = "NesonError";
    this.code = code;
    this.fault = context.fault;
    this.details = context.details ?? {};
  }
}

const STATUS_OF_FAULT: Record<Fault, number> = { caller: 400, operator: 503, peer: 502, bug: 500 };

/** The HTTP status an error of this fault is answered with. */
export function statusOf(fault: Fault): number {
  return STATUS_OF_FAULT[fault];
}

/** One line for people: the message and, where they add something, the messages of its causes. */
export function describeError(error: unknown): string {
  const lines: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current !== undefined && current !== null && depth < 5; depth++) {
    const text = (current instanceof Error ? current.message || current.name : String(current)).replace(/\s+/g, " ");
    if (!lines.some((line) => line.includes(text))) lines.push(text);
    current = current instanceof Error ? current.cause : undefined;
  }
  return lines.join(": ") || "unknown error";
}
