import { STATUS_CODES } from "node:http";
import type { Answer, Headers } from "@neson/kit/http/answer";
import { cacheStatus } from "../policy/cache-status.ts";

/** A request that a site's rules turn away. */
export interface Refusal {
  status: number;
  /** For people, one line. */
  line: string;
  /** For Cache-Status and logs: one word with hyphens. */
  reason: string;
  /** Further fields, flat. */
  headers?: Headers;
}

/** A refusal as an answer: one line of text that nobody stores. */
export function refusalAnswer({ status, line, reason, headers = [] }: Refusal): Answer {
  const body = Buffer.from(`${status} ${STATUS_CODES[status] ?? ""}: ${line}\n`);
  return {
    status,
    headers: [
      ...["Content-Type", "text/plain; charset=utf-8", "Content-Length", String(body.length)],
      ...["Cache-Control", "no-store", "Cache-Status", cacheStatus({ hit: false, fwd: "bypass", detail: reason })],
      ...headers,
    ],
    body,
  };
}
