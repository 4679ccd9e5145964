import type { Clock } from "@neson/kit/clock";
import type { Db } from "../db/database.ts";
import { transact } from "../db/transaction.ts";
import { webhookSecretOf } from "./webhook.ts";

/** For so long after a rotation messages are signed with the former secret too, so that no receiver misses one. */
const OVERLAP_MS = 86_400_000;

/** Which secrets a site's messages are signed with. Only a number is stored: the secrets are derived from the network's own. */
export class WebhookSecrets {
  readonly #masterKey: Uint8Array;
  readonly #deps: { db: Db; clock: Clock };

  constructor(options: { masterKey: Uint8Array }, deps: { db: Db; clock: Clock }) {
    this.#masterKey = options.masterKey;
    this.#deps = deps;
  }

  /** Those that are good now, the newest first. */
  async of(site: string): Promise<string[]> {
    const { db, clock } = this.#deps;
    const row = await db.selectFrom("webhook_secrets").selectAll().where("site", "=", site).executeTakeFirst();
    if (row === undefined) return [this.#secret(site, 0)];
    const isFormerGood = clock.nowMs() - Number(row.rotated_at) < OVERLAP_MS;
    const generations = isFormerGood ? [row.generation, row.generation - 1] : [row.generation];
    return generations.map((generation) => this.#secret(site, generation));
  }

  /** Makes a new secret and gives it. */
  async rotate(site: string): Promise<string> {
    const { db, clock } = this.#deps;
    const generation = await transact(db, async (transaction) => {
      const row = await transaction
        .insertInto("webhook_secrets")
        .values({ site, generation: 1, rotated_at: clock.nowMs() })
        .onConflict((conflict) =>
          conflict.column("site").doUpdateSet((former) => ({
            generation: former("webhook_secrets.generation", "+", 1),
            rotated_at: clock.nowMs(),
          })),
        )
        .returning("generation")
        .executeTakeFirstOrThrow();
      return row.generation;
    });
    return this.#secret(site, generation);
  }

  #secret(site: string, generation: number): string {
    return webhookSecretOf(this.#masterKey, site, generation);
  }
}
