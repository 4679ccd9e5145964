import { connectionWarnings } from "./connection-warnings.ts";
import { diskWarnings } from "./disk-warnings.ts";
import type { PanelSources } from "./sources.ts";
import { standingWarnings } from "./standing-warnings.ts";
import type { Warning } from "./status.ts";
import { upkeepWarnings } from "./upkeep-warnings.ts";

/** What the warnings are judged by: one reading of the sources, and the time. */
export interface WarningFacts {
  nowMs: number;
  identity: ReturnType<PanelSources["identity"]>;
  connection: ReturnType<PanelSources["connection"]>;
  load: ReturnType<PanelSources["load"]>;
  storage: ReturnType<PanelSources["storage"]>;
  hardware: ReturnType<PanelSources["hardware"]>;
  standing: ReturnType<PanelSources["standing"]>;
  release: ReturnType<PanelSources["release"]>;
  /** Undefined without TLS. */
  certificate: { expiresAtMs: number } | undefined;
  clockOffsetMs: number | undefined;
}

const GRAVITY = { error: 0, warning: 1, info: 2 } as const;

/** Everything the operator should know now, gravest first, each with what to do about it. Pure. */
export function warningsOf(facts: WarningFacts): Warning[] {
  const all = [
    ...connectionWarnings(facts),
    ...diskWarnings(facts),
    ...standingWarnings(facts),
    ...upkeepWarnings(facts),
  ];
  return all.sort((a, b) => GRAVITY[a.level] - GRAVITY[b.level]);
}
