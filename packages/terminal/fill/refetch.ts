import type { Log } from "@neson/kit/log";
import type { WantOutcome } from "../control/wants.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { StoreObserver } from "../store/store-observer.ts";
import type { StoredObject } from "../store/stored-object.ts";

/** How long one object waits for the Router's word before the next one is asked about. */
const ANSWER_WAIT_MS = 10_000;

/** What refetching needs. */
export interface RefetchDeps {
  store: ObjectStore;
  /** Asks the Router for an object; a `save` has been acted on when this resolves. */
  ask: (objectId: string, headersId: string, waitMs: number) => Promise<WantOutcome>;
  log: Log;
}

/**
 * Asks the Router, one after another, for what of an object is missing: after a crash or a bad source cut its fill off, or because a check
 * found bad pieces. The fill that follows keeps what is good. An object that the Router does not have any more is given up.
 */
export class Refetch implements StoreObserver {
  readonly #deps: RefetchDeps;
  readonly #queue = new Set<StoredObject>();
  #asking: StoredObject | undefined;
  #running: Promise<void> | undefined;

  constructor(deps: RefetchDeps) {
    this.#deps = deps;
    deps.store.observe(this);
  }

  damaged(object: StoredObject): void {
    this.#add(object);
    this.#run();
  }

  removed(object: StoredObject): void {
    this.#queue.delete(object);
  }

  /** A Router has let this Terminal in: now somebody can be asked about everything that is not whole. */
  online(): void {
    for (const object of this.#deps.store.all()) if (isLeft(object)) this.#add(object);
    this.#run();
  }

  #add(object: StoredObject): void {
    if (object !== this.#asking) this.#queue.add(object);
  }

  #run(): void {
    this.#running ??= this.#askAll()
      .catch((error) => this.#deps.log.error({ err: error }, "asking for missing pieces failed"))
      .finally(() => {
        this.#running = undefined;
        this.#asking = undefined;
      });
  }

  async #askAll(): Promise<void> {
    for (const object of this.#queue) {
      this.#queue.delete(object);
      this.#asking = object;
      if (isLeft(object) && (await this.#askFor(object)) === "offline") this.#queue.clear();
    }
  }

  async #askFor(object: StoredObject): Promise<WantOutcome> {
    const { store, ask, log } = this.#deps;
    const [headersId] = object.headerSets.keys();
    const outcome = headersId === undefined ? "nothing" : await ask(object.objectId, headersId, ANSWER_WAIT_MS);
    if (outcome === "nothing" && isLeft(object)) {
      log.info({ objectId: object.objectId }, "pieces are missing that the Router does not have any more: given up");
      store.remove(object);
    }
    return outcome;
  }
}

/** Lacks pieces, and nobody is bringing them. */
function isLeft({ state, isFilling }: StoredObject): boolean {
  return state === "partial" && !isFilling;
}
