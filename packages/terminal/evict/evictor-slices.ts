/** Done in one go; deleting one object takes some 0.1 ms, and viewers wait meanwhile. */
const SLICE = 32;

/** Does the same to many things, a few at a time, letting everything else of the process run in between. */
export class Slices<T> implements Disposable {
  readonly #act: (item: T) => void;
  readonly #onDone: () => void;
  #items: T[] = [];
  #next: NodeJS.Immediate | undefined;

  /** `act` must not throw. `onDone` is called whenever nothing is left. */
  constructor(act: (item: T) => void, onDone: () => void) {
    this.#act = act;
    this.#onDone = onDone;
  }

  get isBusy(): boolean {
    return this.#items.length > 0;
  }

  /** Begins at once with the first few, unless earlier ones are waiting. */
  push(items: readonly T[]): void {
    if (items.length === 0) return;
    const wasBusy = this.isBusy;
    this.#items = this.#items.concat(items);
    if (!wasBusy) this.#run();
  }

  /** Leaves the rest undone. */
  [Symbol.dispose](): void {
    clearImmediate(this.#next);
    this.#items = [];
  }

  #run(): void {
    const slice = this.#items.slice(0, SLICE);
    for (const item of slice) this.#act(item);
    this.#items = this.#items.slice(slice.length);
    if (this.isBusy) this.#next = setImmediate(() => this.#run());
    else this.#onDone();
  }
}
