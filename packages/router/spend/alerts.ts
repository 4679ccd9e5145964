import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Db } from "../db/database.ts";
import type { OriginResolver } from "../origin/resolver.ts";
import type { Site, Sites } from "../sites/site.ts";
import { type Alert, dueAlerts, forgetOldAlerts, noteTry, takeAlert } from "./alert-tables.ts";
import { moneyText } from "./cost.ts";
import { postWebhook } from "./webhook.ts";
import type { WebhookSecrets } from "./webhook-secrets.ts";

const BATCH = 20;
/** After the first failure a minute, then twice as long each time, at most six hours: fourteen tries take a day and a half. */
const FIRST_RETRY_MS = 60_000;
const MAX_RETRY_MS = 6 * 3_600_000;
const MAX_ATTEMPTS = 14;
/** A Router that died in the middle of a try leaves the alert to others after this. */
const TRY_MS = 60_000;
const MAX_ERROR_CHARS = 300;

/** What sending alerts needs. */
export interface AlertsDeps {
  db: Db;
  sites: Pick<Sites, "byName">;
  resolver: OriginResolver;
  secrets: Pick<WebhookSecrets, "of">;
  clock: Clock;
  log: Log;
}

/** Sends what `SpendGuard` noted to the sites' webhooks until it arrives; across restarts, and by one Router of several. */
export class Alerts {
  readonly #deps: AlertsDeps;

  constructor(deps: AlertsDeps) {
    this.#deps = deps;
  }

  /** Tries every alert whose time has come. */
  async look(): Promise<void> {
    const { db, clock } = this.#deps;
    const alerts = await dueAlerts(db, clock.nowMs(), BATCH);
    await Promise.all(alerts.map((alert) => this.#send(alert)));
    if (alerts.length > 0) await forgetOldAlerts(db, clock.nowMs());
  }

  async #send(alert: Alert): Promise<void> {
    const { db, sites, clock, log } = this.#deps;
    const nowMs = clock.nowMs();
    if (!(await takeAlert(db, alert, nowMs + TRY_MS))) return;
    const site = sites.byName(alert.site);
    if (site?.spend.webhook === undefined) {
      await noteTry(db, alert.id, { error: "the site has no webhook" });
      return;
    }
    try {
      await this.#post(alert, site, site.spend.webhook);
      await noteTry(db, alert.id, { deliveredAtMs: clock.nowMs() });
    } catch (error) {
      const isLast = alert.attempts + 1 >= MAX_ATTEMPTS;
      const waitMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** alert.attempts);
      const described = describeError(error).slice(0, MAX_ERROR_CHARS);
      log.warn(
        { site: alert.site, alert: alert.id, attempts: alert.attempts + 1 },
        `sending an alert failed: ${described}`,
      );
      await noteTry(db, alert.id, { error: described, ...(isLast ? {} : { nextMs: nowMs + waitMs }) });
    }
  }

  async #post(alert: Alert, site: Site, url: string): Promise<void> {
    const { clock, resolver, secrets } = this.#deps;
    const body = JSON.stringify({
      type: "spend.threshold",
      timestamp: new Date(alert.createdAtMs).toISOString(),
      data: {
        site: alert.site,
        month: alert.month,
        percent: alert.percent,
        cost: moneyText(alert.costMicros),
        cap: moneyText(alert.capMicros),
        ...(alert.percent === 100 ? { atLimit: site.spend.cap?.atLimit } : {}),
      },
    });
    const message = { id: `msg_${alert.id}`, atSeconds: Math.floor(clock.nowMs() / 1000), body };
    const to = { url, secrets: await secrets.of(site.name), allowPrivate: site.allowPrivateOrigin };
    await postWebhook(to, message, resolver);
  }
}
