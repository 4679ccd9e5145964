/** What can stand in a queue, in one at a time. */
export interface Queued<Item> {
  /** The one behind; for the queue alone. */
  behind: Item | undefined;
  isQueued: boolean;
}

/** First in, first out, without memory of its own per item. */
export class Http2Queue<Item extends Queued<Item>> {
  #first: Item | undefined;
  #last: Item | undefined;

  /** Puts an item at the end, unless it stands in a queue already. */
  push(item: Item): void {
    if (item.isQueued) return;
    item.isQueued = true;
    if (this.#last === undefined) this.#first = item;
    else this.#last.behind = item;
    this.#last = item;
  }

  /** Puts an item that stands in no queue at the front. */
  unshift(item: Item): void {
    item.isQueued = true;
    item.behind = this.#first;
    this.#first = item;
    this.#last ??= item;
  }

  /** Takes the first item; undefined when there is none. */
  shift(): Item | undefined {
    const item = this.#first;
    if (item === undefined) return undefined;
    this.#first = item.behind;
    if (this.#first === undefined) this.#last = undefined;
    item.behind = undefined;
    item.isQueued = false;
    return item;
  }

  /** Puts all items of another queue before its own. */
  takeAll(other: Http2Queue<Item>): void {
    if (other.#last === undefined) return;
    other.#last.behind = this.#first;
    this.#first = other.#first;
    this.#last ??= other.#last;
    other.#first = undefined;
    other.#last = undefined;
  }
}
