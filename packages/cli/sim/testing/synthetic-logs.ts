import { TraceBuilder } from "../trace.ts";

/** A made-up log, the same in every run. */
export interface SyntheticLog {
  name: string;
  keys: Int32Array;
  /** Bytes of each key's object. */
  sizes: Float64Array;
}

type NextKey = (at: number) => number;

/** Logs of the kinds that policies differ on: fixed and moving popularity, loops, scans, recency, changes of phase, objects of all sizes. */
export function syntheticLogs(requests: number): SyntheticLog[] {
  const random = randomNumbers(20261122);
  const zipf = (objects: number, slope: number) => zipfKeys(objects, slope, random);
  const popular = zipf(requests / 15, 0.9);
  const others = zipf(requests / 10, 0.75);
  const kinds: Record<string, NextKey> = {
    popularity: popular,
    "flat popularity": zipf(requests / 5, 0.7),
    "moving popularity": (at) => others() + Math.floor(at / 10),
    loop: (at) => at % Math.floor(requests / 30),
    "popularity and scans": (at) => (at % 5000 < 1500 ? 1e6 + at : popular()),
    recency: stackKeys(random),
    "recency and popularity": (at) => (random() < 0.3 ? 2e6 + Math.floor(at / 3) : others()),
    phases: (at) => (Math.floor((at * 6) / requests) % 3) * 1e6 + popular(),
  };
  const unit = Object.entries(kinds).map(([name, next]) => build(name, requests, next, () => 1));
  const sized = [0.15, 0.4].map((once) => {
    const next: NextKey = (at) => (random() < once ? 3e6 + at : popular() + Math.floor(at / 40));
    return build(`delivery, ${once * 100} % asked for once`, requests, next, (key) => 500 / spread(key) ** 1.2);
  });
  return [...unit, ...sized];
}

function build(name: string, requests: number, next: NextKey, sizeOf: (key: number) => number): SyntheticLog {
  const builder = new TraceBuilder(name);
  for (let at = 0; at < requests; at++) {
    const key = next(at);
    builder.add(key, Math.round(sizeOf(key)));
  }
  return { name, ...builder.finish() };
}

/** Numbers in (0, 1) from a seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
}

/** A number in (0, 1) that belongs to a key. */
function spread(key: number): number {
  return randomNumbers(key)();
}

/** Key k is asked for in proportion to (k + 1)^−slope. */
function zipfKeys(objects: number, slope: number, random: () => number): () => number {
  const sums: number[] = [];
  let total = 0;
  for (let rank = 1; rank <= objects; rank++) {
    total += rank ** -slope;
    sums.push(total);
  }
  return () => {
    const wanted = random() * total;
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Mostly what was asked for lately: how many other keys lie between two requests for one has a heavy tail. */
function stackKeys(random: () => number): NextKey {
  const stack: number[] = [];
  return (at) => {
    const depth = Math.floor(4 * random() ** (-1 / 1.1) - 4);
    const isNew = random() < 0.1 || depth >= stack.length;
    const key = isNew ? at : (stack.splice(stack.length - 1 - depth, 1)[0] ?? at);
    stack.push(key);
    return key;
  };
}
