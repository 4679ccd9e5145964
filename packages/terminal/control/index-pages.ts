import type { TerminalMessage } from "@neson/protocol/messages";
import { MAX_INDEX_PAGE } from "@neson/protocol/terminal-messages";

/** Pairs in a page, some 90 KB: it takes less than a second on a line of 1 Mbit/s, on which nothing else moves meanwhile. */
const PAGE_PAIRS = Math.min(1000, MAX_INDEX_PAGE);
/** Pages after which the Router's answer to a heartbeat is awaited, so that no more than these are ever under way, however slow the line is. */
const ROUND_PAGES = 4;
/** Between two rounds: both sides have other work to do, and 80,000 pairs a second are enough. */
const PAUSE_MS = 50;

/** What sending an index needs. */
export interface IndexSenderDeps {
  /** False when there is no open channel. */
  send: (message: TerminalMessage) => boolean;
  /** The (objectId, headersId) pairs that are served now. */
  pairs: () => Iterable<[string, string]>;
}

/** Sends a heartbeat and gives its sequence number; undefined when there is no open channel. */
export type Beat = () => number | undefined;

/** An answer that is not over. */
interface Sending {
  /** Sequence of the heartbeat behind the last round. */
  awaited: number;
  next: () => void;
}

/**
 * Answers `index.request`: the index as it is at that moment, page by page. Pages are not acknowledged, but heartbeats are, and in order: each
 * round of pages ends with one, and its answer lets the next round go. A newer request ends the answer to an older one.
 */
export class IndexSender implements Disposable {
  readonly #deps: IndexSenderDeps;
  #sending: Sending | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: IndexSenderDeps) {
    this.#deps = deps;
  }

  /** @param id of the request */
  answer(id: string, beat: Beat): void {
    this.stop();
    const pairs = [...this.#deps.pairs()];
    const pages = Math.max(1, Math.ceil(pairs.length / PAGE_PAIRS));
    const sendFrom = (first: number) => {
      const last = Math.min(pages, first + ROUND_PAGES) - 1;
      for (let page = first; page <= last; page++) {
        const objects = pairs.slice(page * PAGE_PAIRS, (page + 1) * PAGE_PAIRS);
        if (!this.#deps.send({ type: "index", id, page, pages, objects })) return;
      }
      if (last === pages - 1) return;
      const awaited = beat();
      if (awaited !== undefined) this.#sending = { awaited, next: () => sendFrom(last + 1) };
    };
    sendFrom(0);
  }

  /** The Router has answered the heartbeat of that sequence number, and so has taken all that was sent before it. */
  answered(sequence: number): void {
    const sending = this.#sending;
    if (sending === undefined || sequence < sending.awaited) return;
    this.#sending = undefined;
    this.#timer = setTimeout(sending.next, PAUSE_MS);
  }

  /** Sends no further page: the channel is gone. */
  stop(): void {
    this.#sending = undefined;
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}
