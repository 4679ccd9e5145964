/** What the edge counts since the process started; every field only grows. */
export interface EdgeStats {
  /** Requests for known and unknown hosts. */
  requests: number;
  /** Answered from what was stored, by whomever. */
  hits: number;
  misses: number;
  /** Stored, but the origin was asked whether it still holds. */
  revalidations: number;
  /** Forwarded for one client alone. */
  passes: number;
  /** Of all answers, those that sent the client to a Terminal. */
  steered: number;
  /** Requests that waited for another's origin request and shared its answer. */
  collapsed: number;
  /** Body bytes that the Router itself sent to clients. */
  routerBytes: number;
  originRequests: number;
  /** Answers 502, 504 and 508 made here. */
  errors: number;
}

/** All zero. */
export function createEdgeStats(): EdgeStats {
  return {
    requests: 0,
    hits: 0,
    misses: 0,
    revalidations: 0,
    passes: 0,
    steered: 0,
    collapsed: 0,
    routerBytes: 0,
    originRequests: 0,
    errors: 0,
  };
}
