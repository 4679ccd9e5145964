import { AgedFreq } from "@neson/terminal/evict/priority";
import type { Policy, PolicyOptions } from "../policy.ts";

/** A Terminal starts to evict when it is this full … */
const FULL_SHARE = 0.95;
/** … and stops here. */
const EMPTIED_SHARE = 0.9;

/** The production policy, evicting one request at a time as its rivals do, with its admission test. */
export class AgedFreqPolicy implements Policy {
  readonly #capacityBytes: number;
  readonly #sizes: Float64Array;
  readonly #policy: AgedFreq<number>;

  constructor({ capacityBytes, sizes }: PolicyOptions) {
    this.#capacityBytes = capacityBytes;
    this.#sizes = sizes;
    this.#policy = new AgedFreq<number>({ capacityBytes });
  }

  get heldBytes(): number {
    return this.#policy.heldBytes;
  }

  request(key: number): boolean {
    const size = this.#sizes[key] as number;
    const isHit = this.#policy.has(key);
    this.#policy.request(key, size);
    if (isHit || !this.#policy.admits(key, size)) return isHit;
    this.#policy.add(key, size);
    makeRoom(this.#policy, this.heldBytes - this.#capacityBytes);
    return false;
  }
}

/** The production policy as a Terminal uses it for what a Router places: everything is kept, and goes in batches, from 95% full to 90%. */
export class AgedFreqBatches implements Policy {
  readonly #capacityBytes: number;
  readonly #sizes: Float64Array;
  readonly #policy: AgedFreq<number>;

  constructor({ capacityBytes, sizes }: PolicyOptions) {
    this.#capacityBytes = capacityBytes;
    this.#sizes = sizes;
    this.#policy = new AgedFreq<number>({ capacityBytes });
  }

  get heldBytes(): number {
    return this.#policy.heldBytes;
  }

  request(key: number): boolean {
    const size = this.#sizes[key] as number;
    const isHit = this.#policy.has(key);
    this.#policy.request(key, size);
    if (isHit || size > this.#capacityBytes) return isHit;
    this.#policy.add(key, size);
    if (this.heldBytes > this.#capacityBytes * FULL_SHARE) {
      makeRoom(this.#policy, this.heldBytes - this.#capacityBytes * EMPTIED_SHARE);
    }
    return false;
  }
}

function makeRoom(policy: AgedFreq<number>, bytes: number): void {
  if (bytes <= 0) return;
  for (const victim of policy.victims(bytes)) policy.evicted(victim);
}
