// RFC 9110 9.2.1.
const SAFE = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/**
 * Whether an answer makes what is stored for its target worthless (RFC 9111 4.4): a method that is not known to be safe got a
 * non-error answer (2xx or 3xx).
 */
export function invalidates(method: string, status: number): boolean {
  return !SAFE.has(method) && status >= 200 && status < 400;
}
