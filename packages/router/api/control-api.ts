import { randomBytes } from "node:crypto";
import type { Clock } from "@neson/kit/clock";
import type { Log } from "@neson/kit/log";
import type { Db } from "../db/database.ts";
import type { SiteRegistry } from "../sites/site-registry.ts";
import { figureReader } from "../traffic/read-series.ts";
import { ApiKeys } from "./api-keys.ts";
import { AuditTrail } from "./audit-trail.ts";
import { CallRates } from "./call-rates.ts";
import { type AllCallsDeps, allCalls } from "./calls/all-calls.ts";
import { createDispatch, type Dispatch } from "./dispatch.ts";
import { KeptAnswers } from "./kept-answers.ts";
import { SiteChanges } from "./site-changes.ts";

const REQUEST_ID_BYTES = 12;

/** What the control API works with: where it keeps its own things, and all that its calls speak to. */
export interface ControlApiDeps extends Omit<AllCallsDeps, "trail" | "keys" | "changes" | "clock" | "figures"> {
  sites: SiteRegistry;
  db: Db;
  /** Bearer token of the machine's operator, from `admin.json`. */
  operatorToken: string;
  clock: Clock;
  log: Log;
}

/** The control API under `/api/v1`, described by `GET /api/v1/openapi.json` and docs/api.md. */
export function createControlApi({ db, operatorToken, clock, log, ...deps }: ControlApiDeps): Dispatch {
  const own = { db, clock, randomBytes };
  const keys = new ApiKeys(own);
  const trail = new AuditTrail(own);
  return createDispatch({
    calls: allCalls({ ...deps, ...own, keys, trail, figures: figureReader(db), changes: new SiteChanges(deps) }),
    ...{ operatorToken, keys, trail, log },
    kept: new KeptAnswers(own),
    rates: new CallRates({ clock }),
    requestId: () => randomBytes(REQUEST_ID_BYTES).toString("hex"),
  });
}
