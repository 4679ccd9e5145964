/** What a replay keeps in its simulated cache and what it does not. One object per policy and cache size. */
export interface Policy {
  /** Asks for the object of this key, and keeps it if it was not held and the policy wants it; true when it was held. */
  request(key: number): boolean;
  /** Bytes held now; never more than the capacity between two requests. */
  readonly heldBytes: number;
}

/** What every policy is built from. Keys are 0, 1, 2, … in the order of their first request. */
export interface PolicyOptions {
  capacityBytes: number;
  /** Size of each key's object in bytes, ≥ 1; its length is the number of keys. */
  sizes: Float64Array;
}
