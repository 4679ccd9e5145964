import type { StoredObject } from "./stored-object.ts";

/** Hears of objects in the middle of their change: it must be quick, must not throw, and must not change the store on the spot. */
export interface StoreObserver {
  /** Room was taken for an object. */
  added?(object: StoredObject): void;
  /** How long it is to be kept was said anew. */
  termsChanged?(object: StoredObject): void;
  /** The object is gone. */
  removed?(object: StoredObject): void;
  /** An object that was whole lacks bytes: they have to be fetched again. */
  damaged?(object: StoredObject): void;
  /** A save of that many bytes found no room. */
  lacksRoom?(bytes: number): void;
  quotaChanged?(): void;
}

/** Passes each event on to all who listen. */
export class Observers implements Required<StoreObserver> {
  readonly #all: StoreObserver[] = [];

  add(observer: StoreObserver): void {
    this.#all.push(observer);
  }

  added(object: StoredObject): void {
    for (const observer of this.#all) observer.added?.(object);
  }

  termsChanged(object: StoredObject): void {
    for (const observer of this.#all) observer.termsChanged?.(object);
  }

  removed(object: StoredObject): void {
    for (const observer of this.#all) observer.removed?.(object);
  }

  damaged(object: StoredObject): void {
    for (const observer of this.#all) observer.damaged?.(object);
  }

  lacksRoom(bytes: number): void {
    for (const observer of this.#all) observer.lacksRoom?.(bytes);
  }

  quotaChanged(): void {
    for (const observer of this.#all) observer.quotaChanged?.();
  }
}
