import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Fetch } from "../../fetched.ts";
import { type Finding, fail, ok, skipped, warn } from "./finding.ts";

const ANSWER_MS = 10_000;
const WARN_MS = 5000;
const FAIL_MS = 30_000;

/** What asking the Router brought. */
export interface RouterAnswer {
  /** Why there was none. */
  problem?: string;
  tookMs: number;
  /** By how much this machine's clock is ahead; undefined when the answer had no date. */
  clockAheadMs?: number;
}

/** Asks the Router's control listener for anything. */
export async function askRouter(
  routerUrl: string,
  { fetch, clock }: { fetch: Fetch; clock: Clock },
): Promise<RouterAnswer> {
  const sentAtMs = clock.nowMs();
  try {
    const answer = await fetch(routerUrl, { signal: AbortSignal.timeout(ANSWER_MS), redirect: "manual" });
    const receivedAtMs = clock.nowMs();
    await answer.body?.cancel();
    const dateMs = Date.parse(answer.headers.get("date") ?? "");
    const tookMs = receivedAtMs - sentAtMs;
    if (Number.isNaN(dateMs)) return { tookMs };
    // The field has whole seconds (RFC 9110 section 5.6.7) of some moment between asking and hearing: on average half of each is lost.
    return { tookMs, clockAheadMs: Math.round((sentAtMs + receivedAtMs) / 2 - (dateMs + 500)) };
  } catch (error) {
    return { tookMs: clock.nowMs() - sentAtMs, problem: describeError(error) };
  }
}

/** Whether the Router answers at all. */
export function checkRouter(routerUrl: string, { problem, tookMs }: RouterAnswer): Finding {
  if (problem === undefined) return ok("Router", `${routerUrl} answers in ${Math.round(tookMs)} ms`);
  const remedy =
    "Check this machine's network, and that --router is the address of the Router's control listener. Ask its operator whether it runs.";
  return fail("Router", `${routerUrl} does not answer (${problem})`, remedy);
}

/** Tickets and claims carry times: whoever's clock is wrong refuses good tickets, and its claims come too late. */
export function checkClock({ problem, clockAheadMs }: RouterAnswer): Finding {
  if (clockAheadMs === undefined) {
    return skipped("clock", problem === undefined ? "the Router's answer has no date" : "the Router does not answer");
  }
  const seconds = Math.round(Math.abs(clockAheadMs) / 1000);
  const text = `${seconds} s ${clockAheadMs > 0 ? "ahead of" : "behind"} the Router's`;
  const remedy =
    process.platform === "win32"
      ? "Turn on setting the time automatically in Windows' settings."
      : "Let the system keep the time: sudo timedatectl set-ntp true (or install chrony).";
  if (Math.abs(clockAheadMs) > FAIL_MS) return fail("clock", text, remedy);
  return Math.abs(clockAheadMs) > WARN_MS ? warn("clock", text, remedy) : ok("clock", "agrees with the Router's");
}
