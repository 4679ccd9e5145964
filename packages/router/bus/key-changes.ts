import type { CatalogChange } from "../catalog/change.ts";
import { MAX_KEYS, type Notice } from "./message.ts";

/** Changes are told together after so long. */
const GATHER_MS = 50;
/** Characters of the keys in one notice; one key alone may have more. */
const MAX_CHARS = 200_000;

type Keys = Extract<Notice, { type: "keys" }>["keys"];

/** Gathers what changed in the catalog into few notices, each key once. */
export class KeyChanges implements Disposable {
  readonly #publish: (notice: Notice) => void;
  #keys = new Map<string, Keys[number]>();
  #chars = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: { publish: (notice: Notice) => void }) {
    this.#publish = deps.publish;
  }

  /** A site as a whole is told at once, behind what was gathered before. */
  note({ site, key, isRemoved }: CatalogChange): void {
    if (key === undefined) {
      this.flush();
      this.#publish({ type: "forgotten", site });
      return;
    }
    const id = `${site} ${key}`;
    const known = this.#keys.get(id);
    if (known === undefined) this.#chars += id.length;
    this.#keys.set(id, [site, key, isRemoved || known?.[2] === true]);
    if (this.#keys.size >= MAX_KEYS || this.#chars >= MAX_CHARS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  /** Tells what was gathered. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#keys.size === 0) return;
    const keys = [...this.#keys.values()];
    this.#keys = new Map();
    this.#chars = 0;
    this.#publish({ type: "keys", keys });
  }

  [Symbol.dispose](): void {
    this.flush();
  }
}
