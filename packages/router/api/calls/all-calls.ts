import type { MetricsPage } from "../../metrics/metrics.ts";
import type { Call } from "../call.ts";
import { openApiDocument } from "../openapi.ts";
import { problemPage } from "../problem-page.ts";
import { auditCalls } from "./audit.ts";
import { type KeyCallsDeps, keyCalls } from "./keys.ts";
import { type LogCallsDeps, logCalls } from "./logs.ts";
import { networkCalls } from "./network.ts";
import { type PrefetchCallsDeps, prefetchCalls } from "./prefetch.ts";
import { type PurgeCallsDeps, purgeCalls } from "./purge.ts";
import { siteSettingsCalls } from "./site-settings.ts";
import { siteSigningCalls } from "./site-signing.ts";
import { type SiteCallsDeps, siteCalls } from "./sites.ts";
import { type SpendCallsDeps, spendCalls } from "./spend.ts";
import { type TerminalCallsDeps, terminalCalls } from "./terminals.ts";
import { type TrafficCallsDeps, trafficCalls } from "./traffic.ts";
import { type UsageCallsDeps, usageCalls } from "./usage.ts";

/** What all calls together speak to; each area says more about its own. */
export type AllCallsDeps = KeyCallsDeps &
  SiteCallsDeps &
  TrafficCallsDeps &
  LogCallsDeps &
  UsageCallsDeps &
  SpendCallsDeps &
  PurgeCallsDeps &
  PrefetchCallsDeps &
  TerminalCallsDeps &
  Parameters<typeof auditCalls>[0] & { status: () => Promise<object>; metrics: MetricsPage };

/** Every call of the control API. A new area is one more line here, and its name in `openapi.ts`. */
export function allCalls(deps: AllCallsDeps): Call[] {
  const calls: Call[] = [
    ...networkCalls({
      ...{ status: deps.status, metrics: deps.metrics, document: () => document },
      problems: () => page,
    }),
    ...siteCalls(deps),
    ...siteSettingsCalls(deps),
    ...siteSigningCalls(deps),
    ...trafficCalls(deps),
    ...logCalls(deps),
    ...usageCalls(deps),
    ...spendCalls(deps),
    ...purgeCalls(deps),
    ...prefetchCalls(deps),
    ...keyCalls(deps),
    ...auditCalls(deps),
    ...terminalCalls(deps),
  ];
  const document = openApiDocument(calls);
  const page = problemPage(calls);
  return calls;
}
