import { ownText } from "@neson/kit/own-text";
import { openTicket, type Ticket, type TicketVerdict } from "@neson/protocol/ticket";
import type { TicketKeys } from "../control/ticket-keys.ts";
import type { RequestPath } from "./request-path.ts";

/** Genuine tickets remembered; when so many have come, all are forgotten and opened anew. */
const MAX_REMEMBERED = 4096;

interface Remembered {
  verdict: { ok: true; ticket: Ticket };
  siteHost: string;
  /** The key it was sealed with: once that is replaced or dropped, the memory of it is worth nothing. */
  key: Uint8Array | undefined;
}

/**
 * Judges tickets. One that was found genuine is remembered for a while, by its whole text: players ask for many ranges on the same
 * ticket, and decoding and hashing it is the largest part of what a request costs.
 */
export class TicketDesk {
  readonly #terminalId: string;
  readonly #keys: TicketKeys;
  readonly #remembered = new Map<string, Remembered>();
  readonly #keyFor = (day: number) => this.#keys.keyFor(day);

  constructor(terminalId: string, keys: TicketKeys) {
    this.#terminalId = terminalId;
    this.#keys = keys;
  }

  /** @param nowSeconds Unix seconds; fractions allowed */
  open({ ticket: text, siteHost }: RequestPath, nowSeconds: number): TicketVerdict {
    const known = this.#remembered.get(text);
    if (
      known !== undefined &&
      known.siteHost === siteHost &&
      nowSeconds < known.verdict.ticket.expiresAt &&
      this.#keys.keyFor(known.verdict.ticket.keyDay) === known.key
    ) {
      return known.verdict;
    }
    const verdict = openTicket(text, { terminalId: this.#terminalId, keyFor: this.#keyFor, siteHost, nowSeconds });
    if (verdict.ok) {
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
      this.#remembered.set(ownText(text), {
        verdict,
        siteHost: ownText(siteHost),
        key: this.#keys.keyFor(verdict.ticket.keyDay),
      });
    }
    return verdict;
  }
}
