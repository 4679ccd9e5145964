import type { EvictionPolicy } from "../evict/evictor-books.ts";
import type { RankState } from "../evict/ranking.ts";

/** The simplest policy there is, for tests of what surrounds one: least requested first, then the longest there. Remembers ghosts. */
export class LeastRequested implements EvictionPolicy {
  capacityBytes = 0;
  readonly counts = new Map<string, number>();
  readonly sizes = new Map<string, number>();
  readonly evictedKeys: string[] = [];

  setCapacity(bytes: number): void {
    this.capacityBytes = bytes;
  }

  request(key: string): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
  }

  add(key: string, size: number): void {
    this.sizes.set(key, size);
  }

  remove(key: string): void {
    this.sizes.delete(key);
    this.counts.delete(key);
  }

  evicted(key: string): void {
    this.sizes.delete(key);
    this.evictedKeys.push(key);
  }

  victims(bytes: number, mayGo: (key: string) => boolean): string[] {
    const ranked = [...this.sizes].sort(([a], [b]) => (this.counts.get(a) ?? 0) - (this.counts.get(b) ?? 0));
    const victims: string[] = [];
    let found = 0;
    for (const [key, size] of ranked) {
      if (found >= bytes) break;
      if (!mayGo(key)) continue;
      victims.push(key);
      found += size;
    }
    return victims;
  }

  stateOf(key: string): RankState | undefined {
    if (!this.sizes.has(key)) return undefined;
    return { frequency: this.counts.get(key) ?? 0, lastRequest: 0, priority: 0 };
  }

  restore(key: string, size: number, { frequency }: RankState): void {
    this.sizes.set(key, size);
    this.counts.set(key, frequency);
  }
}
