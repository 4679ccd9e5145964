/** How long after one index request the next may follow, ms: stored messages still under way look like drift. */
const REQUEST_GAP_MS = 10_000;
/** Heartbeats in a row that must disagree before the index is asked for. */
const DRIFTS_BEFORE_REQUEST = 2;
const MAX_PAIRS = 10_000_000;

/** Notices that a Terminal's index differs from what the Router believes, and puts its pages together. */
export class IndexPages {
  #driftsInARow = 0;
  #requestedAtMs = Number.NEGATIVE_INFINITY;
  #requestId = 0;
  #nextPage = 0;
  #pairs: (readonly [string, string])[] = [];

  /** The id of a request to send now, if the drift lasted. */
  requestIf(drifted: boolean, nowMs: number): string | undefined {
    this.#driftsInARow = drifted ? this.#driftsInARow + 1 : 0;
    if (this.#driftsInARow < DRIFTS_BEFORE_REQUEST || nowMs - this.#requestedAtMs < REQUEST_GAP_MS) return undefined;
    this.#requestedAtMs = nowMs;
    this.#driftsInARow = 0;
    this.#requestId += 1;
    this.#nextPage = 0;
    this.#pairs = [];
    return `index-${this.#requestId}`;
  }

  /** All pairs once the last page of the current request is in; pages out of turn are dropped. */
  add(page: {
    id: string;
    page: number;
    pages: number;
    objects: readonly (readonly [string, string])[];
  }): (readonly [string, string])[] | undefined {
    if (page.id !== `index-${this.#requestId}` || page.page !== this.#nextPage) return undefined;
    if (this.#pairs.length + page.objects.length > MAX_PAIRS) return undefined;
    this.#nextPage += 1;
    for (const pair of page.objects) this.#pairs.push(pair);
    if (this.#nextPage < page.pages) return undefined;
    const whole = this.#pairs;
    this.#pairs = [];
    this.#nextPage = -1;
    return whole;
  }
}
