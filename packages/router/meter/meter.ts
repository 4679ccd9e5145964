import type { Clock } from "@neson/kit/clock";
import { deriveRouterTagKey, readClaimTicket, type Ticket, ticketGroup } from "@neson/protocol/ticket";
import type { Transaction } from "kysely";
import type { Db } from "../db/database.ts";
import type { Schema } from "../db/schema.ts";
import type { SiteRegistry } from "../sites/site-registry.ts";
import { payableBytes } from "./price.ts";

/** How long after a ticket's expiry its traffic may still be claimed: a Terminal may have been cut off meanwhile. */
const CLAIM_WINDOW_SECONDS = 24 * 60 * 60;
const PRUNE_EVERY_MS = 60_000;

/** What a Terminal says it sent on one ticket. */
export interface Claim {
  /** The ticket as the client brought it. */
  ticket: string;
  /** All bytes sent on it so far. */
  bytes: number;
}

/** What became of a batch of claims. */
export interface ClaimsOutcome {
  /** Tickets whose claim is durable, whether or not it added anything. */
  accepted: { ticket: Ticket; addedBytes: number }[];
  refused: { nonce: string; reason: string }[];
}

/** Bytes paid for, per Terminal. */
export interface MeterTotal {
  terminalId: string;
  site: string;
  paidBytes: number;
  paidTickets: number;
}

/** Turns claims into paid bytes, each nonce once, at most what its ticket allowed; durable before it answers. */
export interface Meter {
  claim(terminalId: string, claims: readonly Claim[]): Promise<ClaimsOutcome>;
  totals(): Promise<MeterTotal[]>;
}

/** What metering needs. */
export interface MeterDeps {
  db: Db;
  sites: Pick<SiteRegistry, "byId">;
  clock: Clock;
}

/** Opens the meter; the master key is what the network's tickets were signed under. */
export function createMeter(options: { masterKey: Uint8Array }, deps: MeterDeps): Meter {
  const routerTagKey = deriveRouterTagKey(options.masterKey);
  let prunedAtMs = 0;
  return {
    claim: async (terminalId, claims) => {
      const nowSeconds = Math.floor(deps.clock.nowMs() / 1000);
      const outcome: ClaimsOutcome = { accepted: [], refused: [] };
      const valid: { ticket: Ticket; bytes: number; site: string }[] = [];
      for (const claim of claims) {
        const verdict = checkClaim(claim.ticket, { routerTagKey, terminalId, nowSeconds, sites: deps.sites });
        if (verdict.ok) valid.push({ ticket: verdict.ticket, bytes: claim.bytes, site: verdict.site });
        else outcome.refused.push({ nonce: verdict.nonce, reason: verdict.reason });
      }
      if (valid.length > 0) {
        await deps.db.transaction().execute(async (transaction) => {
          for (const { ticket, bytes, site } of valid) {
            const addedBytes = await pay(transaction, { terminalId, site, ticket, claimedBytes: bytes });
            outcome.accepted.push({ ticket, addedBytes });
          }
        });
      }
      if (deps.clock.nowMs() - prunedAtMs > PRUNE_EVERY_MS) {
        prunedAtMs = deps.clock.nowMs();
        await deps.db
          .deleteFrom("ticket_claims")
          .where("expires_at", "<", nowSeconds - CLAIM_WINDOW_SECONDS)
          .execute();
      }
      return outcome;
    },
    totals: async () => {
      const rows = await deps.db.selectFrom("meter_totals").selectAll().execute();
      return rows.map((row) => ({
        terminalId: row.terminal_id,
        site: row.site,
        paidBytes: Number(row.paid_bytes),
        paidTickets: Number(row.paid_tickets),
      }));
    },
  };
}

type ClaimVerdict = { ok: true; ticket: Ticket; site: string } | { ok: false; nonce: string; reason: string };

const UNREADABLE_NONCE = "0".repeat(32);

function checkClaim(
  text: string,
  context: { routerTagKey: Uint8Array; terminalId: string; nowSeconds: number; sites: MeterDeps["sites"] },
): ClaimVerdict {
  const read = readClaimTicket(text, { routerTagKey: context.routerTagKey });
  if (!read.ok) {
    const reason = `ticket refused: ${read.reason}; only tickets that this network's Routers issued are paid`;
    return { ok: false, nonce: read.nonce ?? UNREADABLE_NONCE, reason };
  }
  const { ticket } = read;
  if (!context.terminalId.startsWith(ticket.terminalId16)) {
    return { ok: false, nonce: ticket.nonce, reason: "foreign ticket: issued for another Terminal" };
  }
  if (ticket.expiresAt + CLAIM_WINDOW_SECONDS < context.nowSeconds) {
    return {
      ok: false,
      nonce: ticket.nonce,
      reason: "too late: claims are accepted for 24 hours after a ticket expires",
    };
  }
  const site = context.sites.byId(ticket.siteId);
  return { ok: true, ticket, site: site?.name ?? `removed-${ticket.siteId}` };
}

/** Pays one claim inside the transaction and returns the bytes it added. */
async function pay(
  transaction: Transaction<Schema>,
  claim: { terminalId: string; site: string; ticket: Ticket; claimedBytes: number },
): Promise<number> {
  const { ticket, terminalId, site } = claim;
  const group = ticketGroup(ticket.nonce);
  const rows = await transaction
    .selectFrom("ticket_claims")
    .select(["nonce", "paid_bytes"])
    .where("ticket_group", "=", group)
    .execute();
  const known = rows.find((row) => row.nonce === ticket.nonce);
  const added = payableBytes({
    claimedBytes: claim.claimedBytes,
    maxBytes: ticket.maxBytes,
    alreadyPaidBytes: Number(known?.paid_bytes ?? 0),
    groupPaidBytes: rows.reduce((sum, row) => sum + Number(row.paid_bytes), 0),
  });
  if (added === 0) return 0;
  await transaction
    .insertInto("ticket_claims")
    .values({
      nonce: ticket.nonce,
      ticket_group: group,
      terminal_id: terminalId,
      site,
      object_id: ticket.objectId,
      paid_bytes: added,
      expires_at: ticket.expiresAt,
    })
    .onConflict((conflict) =>
      conflict.column("nonce").doUpdateSet((row) => ({ paid_bytes: row("ticket_claims.paid_bytes", "+", added) })),
    )
    .execute();
  await transaction
    .insertInto("meter_totals")
    .values({ terminal_id: terminalId, site, paid_bytes: added, paid_tickets: 1 })
    .onConflict((conflict) =>
      conflict.columns(["terminal_id", "site"]).doUpdateSet((row) => ({
        paid_bytes: row("meter_totals.paid_bytes", "+", added),
        paid_tickets: row("meter_totals.paid_tickets", "+", known === undefined ? 1 : 0),
      })),
    )
    .execute();
  return added;
}
