import type { Clock } from "@neson/kit/clock";
import type { OriginRequest, OriginResponse } from "./origin-client.ts";
import type { OriginHealth } from "./origin-health.ts";
import type { RetryBudget } from "./retry-budget.ts";
import { Unanswered } from "./send-once.ts";
import type { Target } from "./targets.ts";

/** RFC 9110 9.2.2: carried out twice, these do what they do once. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
/** An origin that answers so is taken to be out of order. */
const OUT_OF_ORDER = new Set([502, 503, 504]);

/** What attempts work with. */
export interface AttemptsDeps {
  health: OriginHealth;
  budget: RetryBudget;
  clock: Clock;
  once(request: OriginRequest, target: Target): Promise<OriginResponse>;
}

/**
 * Asks a site's origins until one answers, or no try is left. A request goes out again only if nothing of the first can have arrived, or if it has no
 * content and repeating it does no harm; and never so often that an outage means much more load.
 * @throws NesonError of the last try, or the signal's reason
 */
export async function attempt(request: OriginRequest, deps: AttemptsDeps): Promise<OriginResponse> {
  const { site, signal } = request;
  const { health, budget } = deps;
  const { attempts, onStatus } = site.origins.retries;
  const isRepeatable = request.body === undefined && IDEMPOTENT.has(request.method);
  const tried = new Set<Target>();
  budget.earn(site.name);
  let target = health.choose(site, tried);
  for (let retries = 0; ; retries++) {
    if (target === undefined) throw new Error("a site has at least one origin");
    tried.add(target);
    const isLast = retries >= attempts;
    const next = () => health.choose(site, tried) ?? target;
    try {
      const response = await ask(request, target, retries > 0, deps);
      const isUnwanted = (onStatus as number[]).includes(response.status);
      if (isLast || !isUnwanted || !isRepeatable || !budget.spend(site.name)) return response;
      response.discard();
    } catch (error) {
      if (signal?.aborted === true) throw error;
      const { failure, again } = judge(error, isRepeatable);
      // A connection that the origin had closed is no failure of the request: it may always be sent once more.
      const isFree = again === "freely" && retries === 0;
      const mayGoOn = again !== "never" && (isFree || (!isLast && budget.spend(site.name)));
      if (!mayGoOn) throw failure;
      if (isFree) tried.delete(target);
    }
    target = next();
  }
}

async function ask(
  request: OriginRequest,
  target: Target,
  isRetry: boolean,
  { health, clock, once }: AttemptsDeps,
): Promise<OriginResponse> {
  const { site, signal } = request;
  const startMs = clock.nowMs();
  health.asked(site, target, isRetry);
  try {
    const response = await once(request, target);
    if (OUT_OF_ORDER.has(response.status)) health.failed(site, target);
    else health.answered(site, target, clock.nowMs() - startMs);
    return response;
  } catch (error) {
    const wasIdle = error instanceof Unanswered && error.wasIdle;
    if (signal?.aborted !== true && !wasIdle) health.failed(site, target);
    throw error;
  }
}

/** Whether a request may go out again after this. */
function judge(error: unknown, isRepeatable: boolean): { failure: unknown; again: "never" | "counted" | "freely" } {
  // It was not even dialled: the name has no address, or none that may be dialled.
  if (!(error instanceof Unanswered)) return { failure: error, again: "counted" };
  const { failure, wasSent, wasIdle } = error;
  if (failure.fault === "caller") return { failure, again: "never" };
  if (isRepeatable) return { failure, again: wasIdle ? "freely" : "counted" };
  return { failure, again: wasSent ? "never" : "counted" };
}
