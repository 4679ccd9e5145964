import type { Clock } from "@neson/kit/clock";
import { MAX_OBJECT_BYTES } from "@neson/protocol/object";
import type { Standing } from "@neson/protocol/standing";
import { deriveRouterTagKey, readClaimTicket, type Ticket, ticketGroup } from "@neson/protocol/ticket";
import type { Transaction } from "kysely";
import type { Db } from "../db/database.ts";
import { isUnavailable } from "../db/database-trouble.ts";
import type { Schema } from "../db/schema.ts";
import { holdNames, transact } from "../db/transaction.ts";
import type { SiteRegistry } from "../sites/site-registry.ts";
import { addUsage } from "../spend/usage-tables.ts";
import { addToDay, forgetOldDays, readEarnings } from "./earnings.ts";
import { payableBytes } from "./price.ts";

/** How long after a ticket's expiry its traffic may still be claimed: a Terminal may have been cut off meanwhile. */
const CLAIM_WINDOW_SECONDS = 24 * 60 * 60;
const PRUNE_EVERY_MS = 60_000;
/** More than any ticket allows: a claim beyond it counts as this much, so that absurd numbers do not drown the sums. */
const MAX_CLAIMED_BYTES = 2 * MAX_OBJECT_BYTES;

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
  /** A Terminal's paid and refused bytes by day, for its standing. */
  earnings(terminalId: string): Promise<Pick<Standing, "earnings" | "refusals" | "totalPaidBytes">>;
}

/** What metering needs. */
export interface MeterDeps {
  db: Db;
  sites: Pick<SiteRegistry, "byId">;
  clock: Clock;
  /** Told of what a site's traffic added to a Terminal's pay, once that is durable. */
  onPaid: (site: string, terminalId: string, bytes: number) => void;
}

/** Opens the meter; the master key is what the network's tickets were signed under. */
export function createMeter(options: { masterKey: Uint8Array }, deps: MeterDeps): Meter {
  const routerTagKey = deriveRouterTagKey(options.masterKey);
  let prunedAtMs = 0;
  return {
    claim: async (terminalId, claims) => {
      const nowMs = deps.clock.nowMs();
      const nowSeconds = Math.floor(nowMs / 1000);
      const outcome: ClaimsOutcome = { accepted: [], refused: [] };
      const valid: ValidClaim[] = [];
      const refusals = new Map<string, number>();
      let refusedBytes = 0;
      for (const claim of claims) {
        const verdict = checkClaim(claim.ticket, { routerTagKey, terminalId, nowSeconds, sites: deps.sites });
        if (verdict.ok) {
          valid.push({ ticket: verdict.ticket, bytes: claim.bytes, site: verdict.site });
          continue;
        }
        outcome.refused.push({ nonce: verdict.nonce, reason: verdict.reason });
        refusals.set(verdict.reason, (refusals.get(verdict.reason) ?? 0) + 1);
        refusedBytes += Math.min(claim.bytes, MAX_CLAIMED_BYTES);
      }
      const paid = await settle(deps.db, { terminalId, valid, refused: { bytes: refusedBytes, refusals }, nowMs });
      outcome.accepted.push(...paid.accepted);
      for (const [site, bytes] of paid.bySite) deps.onPaid(site, terminalId, bytes);
      if (nowMs - prunedAtMs > PRUNE_EVERY_MS) {
        prunedAtMs = nowMs;
        await prune(deps.db, nowMs);
      }
      return outcome;
    },
    earnings: (terminalId) => readEarnings(deps.db, terminalId),
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

interface ValidClaim {
  ticket: Ticket;
  bytes: number;
  site: string;
}

/** Pays a batch, and notes what it was refused, in one transaction. */
async function settle(
  db: Db,
  batch: {
    terminalId: string;
    valid: readonly ValidClaim[];
    refused: { bytes: number; refusals: ReadonlyMap<string, number> };
    nowMs: number;
  },
): Promise<{ accepted: ClaimsOutcome["accepted"]; bySite: Map<string, number> }> {
  const { terminalId, valid, refused, nowMs } = batch;
  if (valid.length === 0 && refused.refusals.size === 0) return { accepted: [], bySite: new Map() };
  return transact(db, async (transaction) => {
    // The tickets of a group have one ceiling, and their Terminals may be claiming at several Routers.
    await holdNames(
      transaction,
      valid.map(({ ticket }) => ticketGroup(ticket.nonce)),
    );
    const accepted: ClaimsOutcome["accepted"] = [];
    const bySite = new Map<string, number>();
    let [paidBytes, refusedBytes] = [0, refused.bytes];
    for (const { ticket, bytes, site } of valid) {
      const paid = await pay(transaction, { terminalId, site, ticket, claimedBytes: bytes });
      accepted.push({ ticket, addedBytes: paid.addedBytes });
      paidBytes += paid.addedBytes;
      refusedBytes += paid.refusedBytes;
      if (paid.addedBytes > 0) bySite.set(site, (bySite.get(site) ?? 0) + paid.addedBytes);
    }
    for (const [site, terminalBytes] of [...bySite].sort()) {
      await addUsage(transaction, { site, nowMs, requests: 0, routerBytes: 0, terminalBytes });
    }
    await addToDay(transaction, { terminalId, paidBytes, refusedBytes, refusals: refused.refusals, nowMs });
    return { accepted, bySite };
  });
}

async function prune(db: Db, nowMs: number): Promise<void> {
  const oldest = Math.floor(nowMs / 1000) - CLAIM_WINDOW_SECONDS;
  try {
    await db.deleteFrom("ticket_claims").where("expires_at", "<", oldest).execute();
    await forgetOldDays(db, nowMs);
  } catch (error) {
    // What was paid is committed and must be acknowledged; another claim prunes.
    if (!isUnavailable(error)) throw error;
  }
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

/** Pays one claim inside the transaction: the bytes it added to the pay, and those that were claimed for the first time and are not paid. */
async function pay(
  transaction: Transaction<Schema>,
  claim: { terminalId: string; site: string; ticket: Ticket; claimedBytes: number },
): Promise<{ addedBytes: number; refusedBytes: number }> {
  const { ticket, terminalId, site } = claim;
  const group = ticketGroup(ticket.nonce);
  const rows = await transaction
    .selectFrom("ticket_claims")
    .select(["nonce", "paid_bytes", "claimed_bytes"])
    .where("ticket_group", "=", group)
    .execute();
  const known = rows.find((row) => row.nonce === ticket.nonce);
  const claimedBytes = Math.min(claim.claimedBytes, MAX_CLAIMED_BYTES);
  const newlyClaimed = Math.max(0, claimedBytes - Number(known?.claimed_bytes ?? 0));
  if (newlyClaimed === 0) return { addedBytes: 0, refusedBytes: 0 };
  const alreadyPaidBytes = Number(known?.paid_bytes ?? 0);
  const added = payableBytes({
    claimedBytes,
    maxBytes: ticket.maxBytes,
    alreadyPaidBytes,
    groupPaidBytes: rows.reduce((sum, row) => sum + Number(row.paid_bytes), 0),
  });
  await transaction
    .insertInto("ticket_claims")
    .values({
      nonce: ticket.nonce,
      ticket_group: group,
      terminal_id: terminalId,
      site,
      object_id: ticket.objectId,
      paid_bytes: added,
      claimed_bytes: claimedBytes,
      expires_at: ticket.expiresAt,
    })
    .onConflict((conflict) =>
      conflict.column("nonce").doUpdateSet((row) => ({
        paid_bytes: row("ticket_claims.paid_bytes", "+", added),
        claimed_bytes: claimedBytes,
      })),
    )
    .execute();
  const refusedBytes = Math.max(0, newlyClaimed - added);
  if (added === 0) return { addedBytes: 0, refusedBytes };
  await addToTotal(transaction, { terminalId, site, paidBytes: added, tickets: alreadyPaidBytes === 0 ? 1 : 0 });
  return { addedBytes: added, refusedBytes };
}

async function addToTotal(
  transaction: Transaction<Schema>,
  addition: { terminalId: string; site: string; paidBytes: number; tickets: number },
): Promise<void> {
  const { terminalId, site, paidBytes, tickets } = addition;
  await transaction
    .insertInto("meter_totals")
    .values({ terminal_id: terminalId, site, paid_bytes: paidBytes, paid_tickets: tickets })
    .onConflict((conflict) =>
      conflict.columns(["terminal_id", "site"]).doUpdateSet((row) => ({
        paid_bytes: row("meter_totals.paid_bytes", "+", paidBytes),
        paid_tickets: row("meter_totals.paid_tickets", "+", tickets),
      })),
    )
    .execute();
}
