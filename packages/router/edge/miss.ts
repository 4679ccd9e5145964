import type { Answer } from "@neson/kit/http/answer";
import { hopsOf } from "../origin/request-headers.ts";
import type { MissPlan } from "../policy/plan.ts";
import type { Exchange } from "./exchange.ts";
import { plainAnswer } from "./failure.ts";
import { answerLanding } from "./landed.ts";
import { pass, refuseLoop } from "./pass.ts";
import { answerSliced } from "./sliced.ts";

/** Nothing usable is stored: fetches once for all who ask meanwhile. */
export async function miss(x: Exchange, plan: MissPlan): Promise<Answer> {
  const { request, site, parts } = x;
  if (!parts.flights.isUnderWay(site.name, request.target)) {
    const answer = await answerSliced(x, plan);
    if (answer !== undefined) return answer;
  }
  if (plan.forbidden !== undefined) {
    parts.stats.errors += 1;
    return plainAnswer(504, "nothing is stored, and the request said only-if-cached", `fwd=${plan.fwd}`);
  }
  const loop = refuseLoop(x);
  if (loop !== undefined) return loop;
  if (request.method === "HEAD" || parts.flights.isInTrouble(site.name, request.target)) return pass(x, plan.fwd);
  parts.stats.misses += 1;
  // A request that comes back to its own flight would wait for itself.
  const isAlone = plan.alone || hopsOf(request) > 0;
  const seat = await parts.flights.board({ site, request }, isAlone);
  return answerLanding(x, seat, plan.fwd);
}
