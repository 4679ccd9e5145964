import { describeError, type Fault, NesonError, statusOf } from "../error.ts";
import type { Log } from "../log.ts";
import type { Answer } from "./answer.ts";

const LEVEL_OF_FAULT = { caller: "debug", peer: "warn", operator: "error", bug: "error" } as const;

/** Logs what went wrong with a request, at the level of the error's fault; gives that fault. */
export function reportFailure(
  log: Log,
  error: unknown,
  request: { method?: string | undefined; target: string },
  what: string,
): Fault {
  const fault = error instanceof NesonError ? error.fault : "bug";
  log[LEVEL_OF_FAULT[fault]]({ err: error, method: request.method, target: request.target.slice(0, 200) }, what);
  return fault;
}

/** Logs a handler's error and gives the answer its fault asks for. */
export function answerOfError(
  log: Log,
  error: unknown,
  request: { method?: string | undefined; target: string },
): Answer {
  const fault = reportFailure(log, error, request, "request failed");
  const status = statusOf(fault);
  // Only the caller's own mistakes are told: other messages may name an origin or a file.
  if (fault === "caller") return textAnswer(status, describeError(error));
  const line = error instanceof NesonError ? `not served: ${error.code}` : "not served: internal error";
  return textAnswer(status, line, retryAfter(error));
}

/** Retry-After (RFC 9110 10.2.3) as a flat field list, of an error whose `details` have `retryAfterSeconds`; empty for all others. */
export function retryAfter(error: unknown): string[] {
  const seconds = error instanceof NesonError ? error.details.retryAfterSeconds : undefined;
  return typeof seconds === "number" ? ["Retry-After", String(seconds)] : [];
}

/** An uncacheable answer of one line of text. */
export function textAnswer(status: number, line: string, extra: string[] = []): Answer {
  const body = Buffer.from(`${line}\n`);
  const headers = ["Content-Type", "text/plain; charset=utf-8", "Cache-Control", "no-store", ...extra];
  return { status, headers, body };
}

/** The error of an answer whose Content-Length does not fit its body. */
export function wrongLength(declared: string, length: number): NesonError {
  return new NesonError("wrong-content-length", `answer has ${length} bytes, its Content-Length says ${declared}`, {
    fault: "bug",
  });
}
