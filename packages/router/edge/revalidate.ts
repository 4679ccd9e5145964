import type { Answer } from "@neson/kit/http/answer";
import type { CatalogEntry } from "../catalog/entry.ts";
import { hopsOf } from "../origin/request-headers.ts";
import { cacheStatus } from "../policy/cache-status.ts";
import { ageMs } from "../policy/freshness.ts";
import type { RevalidatePlan } from "../policy/plan.ts";
import type { Exchange, Outcome } from "./exchange.ts";
import { answerStored } from "./hit.ts";
import { answerLanding } from "./landed.ts";
import { pass, refuseLoop } from "./pass.ts";

/** Something is stored that must not answer unasked: asks the origin whether it still holds, once for all who ask meanwhile. */
export async function revalidate(x: Exchange, entry: CatalogEntry, plan: RevalidatePlan): Promise<Answer> {
  const { request, site, parts } = x;
  const loop = refuseLoop(x);
  if (loop !== undefined) return loop;
  if (parts.flights.isInTrouble(site.name, request.target)) return pass(x, plan.fwd);
  const coversErrors = plan.staleOnErrorSeconds > 0;
  if (coversErrors && parts.flights.hasJustFailed(site.name, request.target)) return answerStale(x, entry, plan);
  parts.stats.revalidations += 1;
  const stored = { entry, conditions: plan.conditions, coversErrors };
  // A request that comes back to its own flight would wait for itself.
  const isAlone = plan.alone || hopsOf(request) > 0;
  const seat = await parts.flights.board({ site, request, stored }, isAlone);
  if (seat.landing.kind === "failed" && coversErrors) {
    const { error } = seat.landing;
    parts.log.warn({ err: error, site: site.name, target: request.target }, "a stale answer covers an origin error");
    return answerStale(x, entry, plan);
  }
  return answerLanding(x, seat, plan.fwd);
}

/** What was answered stale is asked about afterwards, once for all who came meanwhile (RFC 5861 3). */
export function renew(x: Exchange, entry: CatalogEntry, conditions: readonly string[]): void {
  const { request, site, parts } = x;
  x.trace.step("stale-while-revalidate");
  if (hopsOf(request) > 0) return;
  if (parts.flights.renew({ site, request, stored: { entry, conditions, coversErrors: true } })) {
    parts.stats.revalidations += 1;
  }
}

/** RFC 9111 4.2.4, RFC 5861 4: better old than an error. */
function answerStale(x: Exchange, entry: CatalogEntry, plan: RevalidatePlan): Outcome {
  x.trace.outcome = "stale";
  x.trace.step("stale: the origin fails, what is stored stands in");
  const ageSeconds = Math.floor(ageMs(entry.facts, x.parts.clock.nowMs()) / 1000);
  const status = cacheStatus({ hit: true, ttl: plan.freshSeconds, detail: "stale-if-error" });
  return answerStored(x, entry, status, ageSeconds);
}
