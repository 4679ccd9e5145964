import { Openings } from "./openings.ts";
import { SliceFetches, type SliceFetchesDeps, type SliceFetchesOptions } from "./slice-fetches.ts";
import type { SliceStore } from "./slice-store.ts";

/** Files in slices: what is stored of them, what is being fetched, and how a first slice is asked for. */
export interface Slices extends AsyncDisposable {
  readonly store: SliceStore;
  readonly fetches: SliceFetches;
  readonly openings: Openings;
}

/** Disposing cuts off origin requests that are under way; the store is its owner's. */
export function createSlices(options: SliceFetchesOptions, deps: SliceFetchesDeps): Slices {
  const fetches = new SliceFetches(options, deps);
  const openings = new Openings({ ...deps, fetches });
  return {
    ...{ store: deps.store, fetches, openings },
    [Symbol.asyncDispose]: () => fetches[Symbol.asyncDispose](),
  };
}
