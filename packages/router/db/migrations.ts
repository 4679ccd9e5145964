import type { Migration } from "kysely/migration";
import { createFirstTables } from "./migrations/0001-catalog-sites-meter.ts";
import { createStandingTables } from "./migrations/0002-standing-and-purges.ts";
import { createPurgeTables } from "./migrations/0003-purge-jobs.ts";
import { createControlApiTables } from "./migrations/0004-control-api.ts";
import { createTrafficTables } from "./migrations/0005-traffic-and-spend.ts";
import { addPurgeProgress } from "./migrations/0006-purge-progress.ts";
import { createPrefetchTables } from "./migrations/0007-prefetch.ts";
import { createWebhookSecrets } from "./migrations/0008-webhook-secrets.ts";
import { createWrittenFiguresTable } from "./migrations/0009-written-figures.ts";
import { prepareForSeveralRouters } from "./migrations/0010-several-routers.ts";

/** Forward-only: a released step never changes, a new need adds a step. */
export const migrations: Record<string, Migration> = {
  "0001-catalog-sites-meter": { up: createFirstTables },
  "0002-standing-and-purges": { up: createStandingTables },
  "0004-control-api": { up: createControlApiTables },
  "0003-purge-jobs": { up: createPurgeTables },
  "0005-traffic-and-spend": { up: createTrafficTables },
  "0008-webhook-secrets": { up: createWebhookSecrets },
  "0006-purge-progress": { up: addPurgeProgress },
  "0007-prefetch": { up: createPrefetchTables },
  "0009-written-figures": { up: createWrittenFiguresTable },
  "0010-several-routers": { up: prepareForSeveralRouters },
};
