import { describeError, NesonError } from "@neson/kit/error";

/** What a caller is told to wait. */
const RETRY_SECONDS = 5;

// SQLSTATE: connection exceptions, too many connections, out of memory or disk, a server that stops, starts or is killed, and one that was
// made read-only by a fail-over (https://www.postgresql.org/docs/15/errcodes-appendix.html).
const LOST_STATES = /^(08...|53...|57P0[1-5]|25006)$/;
const LOST_SYSTEM_CODES = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"],
  ...["ENOENT", "ENOTFOUND", "EAI_AGAIN", "ERR_SOCKET_CLOSED"],
]);
// `pg` has no codes for these.
const LOST_MESSAGES =
  /Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout|Client was closed/;

/** Whether PostgreSQL cannot be reached, or cannot work at the moment, as opposed to having refused a statement. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code === "string" && (LOST_STATES.test(code) || LOST_SYSTEM_CODES.has(code))) return true;
  if (error instanceof AggregateError) return error.errors.every(isConnectionLost);
  return LOST_MESSAGES.test(error.message);
}

/** Whether this is the error of a database that is away. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof NesonError && error.code === "database-unavailable";
}

/** The error of a database that is away. */
export function unavailable(attempt: string, cause: unknown): NesonError {
  const message = `Using the Router's database failed (${attempt}): ${describeError(cause)}. Whatever needs it next tries again.`;
  return new NesonError("database-unavailable", message, {
    fault: "operator",
    details: { retryAfterSeconds: RETRY_SECONDS },
    cause,
  });
}
