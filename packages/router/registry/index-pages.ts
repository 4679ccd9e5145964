import { Holdings } from "./holdings.ts";

/** How long after one index request the next may follow, ms: stored messages still under way look like drift. */
const FIRST_GAP_MS = 10_000;
/** The gap doubles up to this while an index did not cure the drift: a whole index is dear to both sides. */
const LAST_GAP_MS = 600_000;
/** Pages that stop coming for this long are waited for no more. */
const PAGE_WITHIN_MS = 10_000;
/** Heartbeats in a row that must disagree before the index is asked for. */
const DRIFTS_BEFORE_REQUEST = 2;
/** Removals remembered while pages come; past it the next drift sets things right. */
const MAX_REMOVED = 100_000;

/** One page as a Terminal sends it. */
export interface IndexPage {
  id: string;
  page: number;
  pages: number;
  objects: readonly (readonly [string, string])[];
}

/** Notices that a Terminal's index differs from what the Router believes, and puts its pages together. */
export class IndexPages {
  #driftsInARow = 0;
  #gapMs = FIRST_GAP_MS;
  #requestedAtMs = Number.NEGATIVE_INFINITY;
  #requestId = 0;
  #assembly: { holdings: Holdings; nextPage: number; pages: number | undefined; heardAtMs: number } | undefined;
  /** Objects and pairs that went while pages were coming: a page may be older than that. */
  readonly #removed = new Set<string>();

  /** The id of a request to send now, if the drift lasted. */
  requestIf(drifted: boolean, nowMs: number): string | undefined {
    this.#driftsInARow = drifted ? this.#driftsInARow + 1 : 0;
    if (!drifted) this.#gapMs = FIRST_GAP_MS;
    if (this.#driftsInARow < DRIFTS_BEFORE_REQUEST || nowMs - this.#requestedAtMs < this.#gapMs) return undefined;
    if (this.#assembly !== undefined && nowMs - this.#assembly.heardAtMs < PAGE_WITHIN_MS) return undefined;
    if (this.#requestId > 0) this.#gapMs = Math.min(LAST_GAP_MS, this.#gapMs * 2);
    this.#requestedAtMs = nowMs;
    this.#driftsInARow = 0;
    this.#requestId += 1;
    this.#assembly = { holdings: new Holdings(), nextPage: 0, pages: undefined, heardAtMs: nowMs };
    this.#removed.clear();
    return `index-${this.#requestId}`;
  }

  /** True for the one page that comes next: each request lets in as many frames as its first page announced, and no more. */
  expects({ id, page, pages }: Omit<IndexPage, "objects">): boolean {
    const assembly = this.#assembly;
    if (assembly === undefined || id !== `index-${this.#requestId}` || page !== assembly.nextPage) return false;
    return assembly.pages === undefined || assembly.pages === pages;
  }

  /** All pairs once the last page of the current request is in; pages out of turn are dropped. */
  add(page: IndexPage, nowMs: number): Holdings | undefined {
    const assembly = this.#assembly;
    if (assembly === undefined || !this.expects(page)) return undefined;
    assembly.heardAtMs = nowMs;
    assembly.nextPage += 1;
    assembly.pages = page.pages;
    for (const [objectId, headersId] of page.objects) {
      if (this.#removed.size > 0 && (this.#removed.has(objectId) || this.#removed.has(objectId + headersId))) continue;
      assembly.holdings.add(objectId, headersId);
    }
    if (assembly.nextPage < page.pages) return undefined;
    this.#assembly = undefined;
    this.#removed.clear();
    return assembly.holdings;
  }

  /** A pair was stored while pages may be coming. */
  noteStored(objectId: string, headersId: string): void {
    if (this.#assembly === undefined) return;
    this.#removed.delete(objectId);
    this.#removed.delete(objectId + headersId);
    this.#assembly.holdings.add(objectId, headersId);
  }

  /** An object, or one header set of it, is leaving the Terminal while pages may be coming. */
  noteRemoved(objectId: string, headersId?: string): void {
    if (this.#assembly === undefined) return;
    if (this.#removed.size < MAX_REMOVED) this.#removed.add(objectId + (headersId ?? ""));
    if (headersId === undefined) this.#assembly.holdings.removeObject(objectId);
    else this.#assembly.holdings.remove(objectId, headersId);
  }
}
