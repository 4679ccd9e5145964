import type { Clock } from "@neson/kit/clock";
import { fromBase64Url, toBase64Url } from "@neson/protocol/bytes";
import { ticketKeyDay } from "@neson/protocol/ticket";
import { z } from "zod";
import type { Settings } from "../store/settings.ts";

const SETTING = "ticket-keys";
const savedSchema = z.array(z.object({ day: z.number().int().min(0), key: z.string() })).max(100);

/**
 * The keys that tickets for this Terminal are sealed with, by day. They are kept over a restart, so that a Terminal that comes back
 * before its Router still serves, and each until the end of the day after its own, so that no ticket of 23:59 is refused.
 */
export class TicketKeys {
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #keys = new Map<number, Uint8Array>();

  constructor(settings: Settings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#take(readSaved(settings.get(SETTING)));
  }

  /** 32 bytes, or undefined. */
  keyFor(day: number): Uint8Array | undefined {
    return this.#keys.get(day);
  }

  /** Takes keys from a Router. A text that is no key of 32 bytes is passed over. */
  accept(keys: readonly { day: number; key: string }[]): void {
    this.#take(keys);
    const saved = [...this.#keys].map(([day, key]) => ({ day, key: toBase64Url(key) }));
    this.#settings.set(SETTING, JSON.stringify(saved));
  }

  #take(keys: readonly { day: number; key: string }[]): void {
    for (const { day, key } of keys) {
      const bytes = fromBase64Url(key);
      if (bytes?.length === 32) this.#keys.set(day, Uint8Array.from(bytes));
    }
    const today = ticketKeyDay(this.#clock.nowMs() / 1000);
    for (const day of this.#keys.keys()) if (day + 1 < today) this.#keys.delete(day);
  }
}

function readSaved(json: string | undefined): { day: number; key: string }[] {
  if (json === undefined) return [];
  try {
    return savedSchema.parse(JSON.parse(json));
  } catch {
    return []; // the next welcome brings new ones
  }
}
