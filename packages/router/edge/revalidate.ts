import type { Answer } from "@neson/kit/http/answer";
import type { CatalogEntry } from "../catalog/catalog.ts";
import { hopsOf } from "../origin/request-headers.ts";
import { cacheStatus } from "../policy/cache-status.ts";
import type { RevalidatePlan } from "../policy/plan.ts";
import type { Exchange } from "./exchange.ts";
import { answerStored } from "./hit.ts";
import { answerLanding } from "./landed.ts";
import { pass, refuseLoop } from "./pass.ts";

/** Something is stored that must not answer unasked: asks the origin whether it still holds, once for all who ask meanwhile. */
export async function revalidate(x: Exchange, entry: CatalogEntry, plan: RevalidatePlan): Promise<Answer> {
  const { request, site, parts } = x;
  const loop = refuseLoop(x);
  if (loop !== undefined) return loop;
  if (parts.flights.isInTrouble(site.name, request.target)) return pass(x, plan.fwd);
  parts.stats.revalidations += 1;
  const coversErrors = plan.staleOnErrorSeconds > 0;
  const stored = { entry, conditions: plan.conditions, coversErrors };
  // A request that comes back to its own flight would wait for itself.
  const isAlone = plan.alone || hopsOf(request) > 0;
  const seat = await parts.flights.board({ site, request, stored }, isAlone);
  if (seat.landing.kind === "failed" && coversErrors) {
    parts.log.warn(
      { err: seat.landing.error, site: site.name, target: request.target },
      "a stale answer covers an origin error",
    );
    const status = cacheStatus({ hit: true, ttl: plan.freshSeconds, detail: "stale-if-error" });
    return answerStored(x, entry, status, plan.ageSeconds);
  }
  return answerLanding(x, seat, plan.fwd);
}
