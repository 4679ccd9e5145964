import { AgedFreq } from "@neson/terminal/evict/priority";
import type { Policy, PolicyOptions } from "../policy.ts";

/** A Terminal starts to evict when it is this full … */
const FULL_SHARE = 0.95;
/** … and stops here. */
const EMPTIED_SHARE = 0.9;

/** The production policy with its books; what differs is when an object is kept, and when others go. */
abstract class AgedFreqReplay implements Policy {
  readonly capacityBytes: number;
  readonly policy: AgedFreq<number>;
  readonly #sizes: Float64Array;

  constructor({ capacityBytes, sizes }: PolicyOptions) {
    this.capacityBytes = capacityBytes;
    this.#sizes = sizes;
    this.policy = new AgedFreq<number>({ capacityBytes });
  }

  get heldBytes(): number {
    return this.policy.heldBytes;
  }

  request(key: number): boolean {
    const size = this.#sizes[key] as number;
    const isHit = this.policy.has(key);
    this.policy.request(key, size);
    if (isHit || !this.admits(key, size)) return isHit;
    this.policy.add(key, size);
    const excessBytes = this.excessBytes();
    if (excessBytes > 0) for (const victim of this.policy.victims(excessBytes)) this.policy.evicted(victim);
    return false;
  }

  /** Whether an object that is not held is kept. */
  abstract admits(key: number, size: number): boolean;
  /** Bytes that have to go now. */
  abstract excessBytes(): number;
}

/** The production policy, evicting one request at a time as its rivals do, with its admission test. */
export class AgedFreqPolicy extends AgedFreqReplay {
  admits(key: number, size: number): boolean {
    return this.policy.admits(key, size);
  }

  excessBytes(): number {
    return this.heldBytes - this.capacityBytes;
  }
}

/** The production policy as a Terminal uses it for what a Router places: everything is kept, and goes in batches, from 95% full to 90%. */
export class AgedFreqBatches extends AgedFreqReplay {
  admits(_key: number, size: number): boolean {
    return size <= this.capacityBytes;
  }

  excessBytes(): number {
    const isFull = this.heldBytes > this.capacityBytes * FULL_SHARE;
    return isFull ? this.heldBytes - this.capacityBytes * EMPTIED_SHARE : 0;
  }
}
