import { describeError, NesonError } from "@neson/kit/error";
import type { Answer } from "@neson/kit/http/answer";
import { CACHE_NAME } from "../policy/cache-status.ts";
import type { Exchange } from "./exchange.ts";

const REASONS: Record<number, string> = {
  404: "Not Found",
  403: "Forbidden",
  405: "Method Not Allowed",
  413: "Content Too Large",
  502: "Bad Gateway",
  504: "Gateway Timeout",
  508: "Loop Detected",
  509: "Bandwidth Limit Exceeded",
};

// What clients are told; the log has the rest. Origins are not named to anyone.
const TOLD: Record<string, { status: number; line: string }> = {
  "origin-timeout": { status: 504, line: "this site's origin did not answer in time" },
  "origin-unreachable": { status: 502, line: "this site's origin could not be reached" },
  "origin-unresolved": { status: 502, line: "this site's origin could not be found by its name" },
  "origin-bad-response": { status: 502, line: "this site's origin sent an answer that is not HTTP as allowed here" },
  "origin-cut-short": { status: 502, line: "this site's origin broke off its answer" },
  "origin-error-status": { status: 502, line: "this site's origin reported an error" },
  "content-too-large": { status: 413, line: "this site takes no content as large as that" },
  "origin-address-refused": { status: 502, line: "this site's origin has an address that must not be dialled" },
};

/** The answer to a failed origin request. @throws the error itself when it is not about the origin */
export function originFailure({ request, site, parts, trace }: Exchange, error: unknown): Answer {
  const code = error instanceof NesonError ? error.code : "";
  const told = TOLD[code];
  if (told === undefined) throw error;
  parts.log.warn({ site: site.name, target: request.target, code }, describeError(error));
  parts.stats.errors += 1;
  trace.step(`origin: failed (${code})`);
  return plainAnswer(told.status, `${told.line} (${code})`, `fwd=miss; detail=${code}`);
}

/** 509 until the month is over: the site's owner has set that it shall not cost more. */
export function capReached(x: Exchange): Answer {
  x.trace.step("spend: the month's cap is reached, the site is stopped");
  const now = new Date(x.nowMs);
  const monthEndMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
  const answer = plainAnswer(509, "this site has reached its limit for the month", "fwd=bypass; detail=spend-cap");
  answer.headers.push("Retry-After", String(Math.ceil((monthEndMs - x.nowMs) / 1000)));
  return answer;
}

/** A refusal in one line, never stored by anyone. `cacheStatus` are its parameters (RFC 9211). */
export function plainAnswer(status: number, line: string, cacheStatus: string): Answer {
  const body = Buffer.from(`${status} ${REASONS[status] ?? ""}: ${line}\n`);
  return {
    status,
    headers: [
      ...["Content-Type", "text/plain; charset=utf-8", "Content-Length", String(body.length)],
      ...["Cache-Control", "no-store", "Cache-Status", `${CACHE_NAME}; ${cacheStatus}`],
    ],
    body,
  };
}
