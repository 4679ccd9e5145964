/**
 * An upper bound of the hits that any policy, knowing the future, can have with objects of different sizes: PFOO-U (Berger, Beckmann,
 * Harchol-Balter, "Practical Bounds on Optimal Caching with Variable Object Sizes", 2018). Each hit costs its object's size times
 * the requests since the last one; the cheapest hits are taken until their sum exceeds capacity times requests.
 */
export function mostHits(keys: Int32Array, sizes: Float64Array, capacityBytes: number): number {
  const last = new Float64Array(sizes.length).fill(-1);
  const costs = new Float64Array(keys.length);
  let count = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as number;
    const size = sizes[key] as number;
    const before = last[key] as number;
    last[key] = i;
    if (before >= 0 && size <= capacityBytes) costs[count++] = size * (i - before);
  }
  const cheapestFirst = costs.subarray(0, count).sort();
  let left = capacityBytes * keys.length;
  let hits = 0;
  while (hits < count && left >= (cheapestFirst[hits] as number)) left -= cheapestFirst[hits++] as number;
  return hits;
}
