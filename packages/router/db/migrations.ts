import type { Migration } from "kysely/migration";
import { createFirstTables } from "./migrations/0001-catalog-sites-meter.ts";
import { createStandingTables } from "./migrations/0002-standing-and-purges.ts";

/** Forward-only: a released step never changes, a new need adds a step. */
export const migrations: Record<string, Migration> = {
  "0001-catalog-sites-meter": { up: createFirstTables },
  "0002-standing-and-purges": { up: createStandingTables },
};
