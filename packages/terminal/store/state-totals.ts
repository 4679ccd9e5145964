import type { ObjectState, StoredObject } from "./stored-object.ts";

/** A number of objects and their bytes. */
export interface Total {
  objects: number;
  bytes: number;
}

/** What the store holds. */
export interface StoreStats extends Total {
  partialObjects: number;
  uncheckedObjects: number;
  byState: Record<ObjectState, Total>;
}

/** Counts objects and bytes by state, so that asking costs nothing however many there are. */
export class StateTotals {
  readonly #byState: Record<ObjectState, Total> = {
    partial: { objects: 0, bytes: 0 },
    unchecked: { objects: 0, bytes: 0 },
    whole: { objects: 0, bytes: 0 },
  };
  #bytes = 0;

  /** In all states. */
  get bytes(): number {
    return this.#bytes;
  }

  add(object: StoredObject): void {
    this.#change(object, 1);
  }

  /** Takes it out of the state it is in. */
  remove(object: StoredObject): void {
    this.#change(object, -1);
  }

  stats(): StoreStats {
    const { partial, unchecked, whole } = this.#byState;
    return {
      objects: partial.objects + unchecked.objects + whole.objects,
      bytes: this.#bytes,
      partialObjects: partial.objects,
      uncheckedObjects: unchecked.objects,
      byState: { partial: { ...partial }, unchecked: { ...unchecked }, whole: { ...whole } },
    };
  }

  #change({ state, size }: StoredObject, sign: 1 | -1): void {
    this.#byState[state].objects += sign;
    this.#byState[state].bytes += sign * size;
    this.#bytes += sign * size;
  }
}
