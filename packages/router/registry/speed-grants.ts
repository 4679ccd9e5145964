import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "@neson/kit/clock";
import { hmacSha256, toBase64Url } from "@neson/protocol/bytes";
import type { RouterMessage } from "@neson/protocol/messages";
import { RecentIds } from "./recent-ids.ts";

/** Bytes each way: a quarter of a second at 1 Gbit/s. */
const MAX_BYTES = 32 * 1024 * 1024;
/** A slow link is measured well enough in this time. */
const MAX_MS = 5000;
/** How long after its grant a measurement may begin. */
const GRANT_MS = 60_000;
const AGAIN_AFTER_MS = 600_000;
const MAX_REMEMBERED = 100_000;
/** Between the end of one measurement and the next grant, so that even many Terminals take but a part of the line. */
const REST_MS = 2000;
const DOMAIN = "neson-speed-1\n";

/** Which way bytes go: GET to the Terminal, POST from it. */
export type SpeedDirection = "GET" | "POST";

/** One measurement that may run now. */
export interface SpeedRun {
  maxBytes: number;
  maxMs: number;
  /** To be called once, however it ended. */
  end(): void;
}

interface Grant {
  token: string;
  expiresAtMs: number;
  done: Set<SpeedDirection>;
  running: SpeedDirection | undefined;
}

/**
 * Leave to measure the link to this Router: for one Terminal at a time, for each at most once in ten minutes. A grant is good for one GET and one
 * POST, one after the other, begun within a minute.
 */
export class SpeedGrants {
  readonly #controlUrl: () => string;
  readonly #clock: Clock;
  readonly #key: Uint8Array;
  readonly #lately = new RecentIds({ lifeMs: AGAIN_AFTER_MS, maxIds: MAX_REMEMBERED });
  #grant: Grant | undefined;
  #freeAtMs = Number.NEGATIVE_INFINITY;

  /** `key` is this Router's secret; tokens are bound to it, to a Terminal and to a time. */
  constructor(options: { controlUrl: () => string; key: Uint8Array }, deps: { clock: Clock }) {
    this.#controlUrl = options.controlUrl;
    this.#key = options.key;
    this.#clock = deps.clock;
  }

  /** Answers a Terminal's `speed`. */
  answer(id: string, terminalId: string): RouterMessage {
    const nowMs = this.#clock.nowMs();
    if (this.#lately.has(terminalId, nowMs)) {
      const reason = `measured less than ${AGAIN_AFTER_MS / 60_000} minutes ago; ask again later`;
      return { type: "nothing", id, reason };
    }
    if (this.#isTaken(nowMs)) {
      return { type: "nothing", id, reason: "another Terminal is measuring now; ask again in a minute" };
    }
    const expiresAtMs = nowMs + GRANT_MS;
    const nonce = randomBytes(16).toString("hex");
    const tag = hmacSha256(this.#key, `${DOMAIN}${terminalId}\n${expiresAtMs}\n${nonce}`);
    this.#grant = { token: toBase64Url(tag), expiresAtMs, done: new Set(), running: undefined };
    this.#lately.note(terminalId, nowMs);
    const url = `${this.#controlUrl()}/v1/speed/${this.#grant.token}`;
    return { type: "speed.grant", id, url, maxBytes: MAX_BYTES, maxMs: MAX_MS };
  }

  /** Begins a measurement, or says why not, for people. */
  begin(token: string, direction: SpeedDirection): SpeedRun | { refused: string } {
    const grant = this.#grant;
    if (grant === undefined || !isEqual(token, grant.token) || this.#clock.nowMs() >= grant.expiresAtMs) {
      return { refused: "no such leave to measure, or it is over; ask for it by a speed message" };
    }
    if (grant.running !== undefined) return { refused: "the other direction is still being measured" };
    if (grant.done.has(direction)) return { refused: `${direction} was measured already with this leave` };
    grant.running = direction;
    grant.done.add(direction);
    return {
      maxBytes: MAX_BYTES,
      maxMs: MAX_MS,
      end: () => {
        if (grant.running !== direction) return;
        grant.running = undefined;
        if (grant.done.size < 2 || this.#grant !== grant) return;
        this.#grant = undefined;
        this.#freeAtMs = this.#clock.nowMs() + REST_MS;
      },
    };
  }

  #isTaken(nowMs: number): boolean {
    if (nowMs < this.#freeAtMs) return true;
    return this.#grant !== undefined && (this.#grant.running !== undefined || nowMs < this.#grant.expiresAtMs);
  }
}

function isEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
