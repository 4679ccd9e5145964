import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { RouterMessage, TerminalMessage } from "@neson/protocol/messages";
import { z } from "zod";
import { type LinkFetch, measureDown, measureUp } from "./measure-link.ts";

const rate = z.number().min(0).max(1e15);

/** How fast the link to the Router is, body bytes a second, and when it was measured: Unix ms, at most what a date can be. */
export const linkSpeedSchema = z.object({
  downBytesPerSecond: rate,
  upBytesPerSecond: rate,
  atMs: z.number().min(0).max(8.64e15),
});

/** See `linkSpeedSchema`. */
export type LinkSpeed = z.infer<typeof linkSpeedSchema>;

/** Name of the setting that the last measurement is kept in. */
export const LINK_SPEED_SETTING = "link-speed";

/** What became of a test: measured, or why not. */
export type SpeedOutcome = { speed: LinkSpeed } | { reason: string };

/** What a speed test needs. */
export interface SpeedTestDeps {
  /** False when there is no open channel. */
  send: (message: TerminalMessage) => boolean;
  /** Clients' transfers under way: while there are any, nothing is measured. */
  openTransfers: () => number;
  fetch: LinkFetch;
  /** Keeps what was measured. */
  remember: (speed: LinkSpeed) => void;
  clock: Clock;
  log: Log;
}

type Grant = Extract<RouterMessage, { type: "speed.grant" }>;

const GRANT_WAIT_MS = 10_000;
/** How soon a test makes way for a client. */
const LOOK_MS = 20;

/**
 * Measures the link to the Router, down and then up, when asked to and only while nobody is being served: it breaks off as soon as a client
 * comes, so that no viewer ever shares the link with a measurement.
 */
export class SpeedTest implements Disposable {
  readonly #deps: SpeedTestDeps;
  #question: { id: string; answer: (grant: Grant | { reason: string }) => void } | undefined;
  #running: AbortController | undefined;
  #lastId = 0;

  constructor(deps: SpeedTestDeps) {
    this.#deps = deps;
  }

  /** Asks the Router for leave and measures. Never rejects. */
  async run(): Promise<SpeedOutcome> {
    const { openTransfers } = this.#deps;
    if (this.#question !== undefined || this.#running !== undefined) return { reason: "a measurement is under way" };
    if (openTransfers() > 0) return { reason: "viewers are being served; measured only while nobody is" };
    const grant = await this.#ask();
    if ("reason" in grant) return grant;
    return await this.#runWith(grant);
  }

  /** The Router's leave; one that nobody waits for any more is let go. */
  grant(grant: Grant): void {
    if (this.#question?.id === grant.id) this.#question.answer(grant);
  }

  /** The Router's no. False when the id is not of a speed test. */
  refuse(id: string, reason: string): boolean {
    if (this.#question?.id !== id) return false;
    this.#question.answer({ reason });
    return true;
  }

  /** The channel is gone. */
  offline(): void {
    this.#question?.answer({ reason: "the Router is not connected" });
  }

  [Symbol.dispose](): void {
    this.offline();
    this.#running?.abort(new Error("the Terminal is stopping"));
  }

  async #ask(): Promise<Grant | { reason: string }> {
    const id = `speed-${++this.#lastId}`;
    const { promise, resolve } = Promise.withResolvers<Grant | { reason: string }>();
    const timer = setTimeout(() => resolve({ reason: "the Router did not answer" }), GRANT_WAIT_MS);
    this.#question = { id, answer: resolve };
    if (!this.#deps.send({ type: "speed", id })) this.offline();
    const answer = await promise;
    clearTimeout(timer);
    this.#question = undefined;
    return answer;
  }

  async #runWith(grant: Grant): Promise<SpeedOutcome> {
    const { openTransfers, remember, log } = this.#deps;
    const running = new AbortController();
    const makeWay = () => {
      if (openTransfers() > 0) running.abort(new Error("broken off for a viewer"));
    };
    this.#running = running;
    const watch = setInterval(makeWay, LOOK_MS);
    try {
      // Somebody may have come while the Router was asked.
      makeWay();
      running.signal.throwIfAborted();
      const speed = await this.#measure(grant, running.signal);
      remember(speed);
      log.info(speed, "link measured");
      return { speed };
    } catch (error) {
      return { reason: describeError(running.signal.aborted ? running.signal.reason : error) };
    } finally {
      clearInterval(watch);
      this.#running = undefined;
    }
  }

  async #measure({ url, maxBytes, maxMs }: Grant, signal: AbortSignal): Promise<LinkSpeed> {
    const { fetch, clock } = this.#deps;
    const bounds = { url, maxBytes, maxMs, signal };
    const downBytesPerSecond = await measureDown(bounds, fetch);
    const upBytesPerSecond = await measureUp(bounds, fetch);
    return { downBytesPerSecond, upBytesPerSecond, atMs: clock.nowMs() };
  }
}
