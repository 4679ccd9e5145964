// RFC 9110 15.1: statuses whose responses may be kept without being told so. 206 is left out: parts are not stored.
const HEURISTIC = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);

// Statuses whose caching rules are understood (RFC 9111 3, 5.2.2.3): all final ones of RFC 9110 that have no rule of their own.
const UNDERSTOOD = new Set([
  ...HEURISTIC,
  ...[201, 202, 205, 302, 303, 307, 400, 401, 402, 403, 406, 407, 408, 409, 411, 412, 413, 415, 416, 417],
  ...[421, 422, 426, 428, 429, 431, 451, 500, 502, 503, 504, 505, 511],
]);

/** RFC 9110 15.1. */
export function isHeuristicallyCacheable(status: number): boolean {
  return HEURISTIC.has(status);
}

/** RFC 9111 5.2.2.3: whether must-understand may override no-store for this status. */
export function isUnderstood(status: number): boolean {
  return UNDERSTOOD.has(status);
}
