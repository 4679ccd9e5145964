const TWO_POW_32 = 2 ** 32;
const HIGH_BITS = 21;

/**
 * 53 well-mixed bits that stand for a key, as a whole number: what a ghost is found by, and what decides whether a key belongs to the
 * sample of the shadows. Two keys share one with a probability of 2^-53; then they share a ghost, and nothing worse happens.
 */
export function fingerprint(key: string | number): number {
  let low = 0x9e3779b1;
  let high = 0x85ebca6b;
  if (typeof key === "number") {
    high ^= Math.floor(key / TWO_POW_32);
    low = mix(low ^ key, 0x7feb352d) ^ mix(high, 0x846ca68b);
  } else {
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(high ^ unit, 0x5bd1e995);
    }
  }
  low = mix(low ^ high, 0x7feb352d);
  high = mix(high ^ low, 0x846ca68b);
  return (high >>> (32 - HIGH_BITS)) * TWO_POW_32 + (low >>> 0);
}

/** Whether a fingerprint is in the sample of one key in 2^shift; each sample contains the next smaller one. */
export function isSampled(print: number, shift: number): boolean {
  return shift === 0 || print < 2 ** (32 + HIGH_BITS - shift);
}

/** Spreads every input bit over all 32 output bits (multiply-xorshift finaliser). */
function mix(value: number, factor: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), factor);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
