import { AgedFreqBatches, AgedFreqPolicy } from "./policies/aged-freq.ts";
import { Belady } from "./policies/belady.ts";
import { Gdsf } from "./policies/gdsf.ts";
import { Lru } from "./policies/lru.ts";
import { S3Fifo } from "./policies/s3-fifo.ts";
import { Sieve } from "./policies/sieve.ts";
import { WTinyLfu } from "./policies/w-tiny-lfu.ts";
import type { Policy, PolicyOptions } from "./policy.ts";

/** A policy that takes part in a comparison. */
export interface Contender {
  name: string;
  /** False for what knows the future, and so cannot be built. */
  isOnline: boolean;
  /** `next` is the place of each request's next one for the same key. */
  build(options: PolicyOptions, next: Float64Array): Policy;
}

/** Everything that is compared, in the order of the table. */
export const contenders: readonly Contender[] = [
  { name: "LRU", isOnline: true, build: (options) => new Lru(options) },
  { name: "SIEVE", isOnline: true, build: (options) => new Sieve(options) },
  { name: "S3-FIFO", isOnline: true, build: (options) => new S3Fifo(options) },
  { name: "W-TinyLFU", isOnline: true, build: (options) => new WTinyLfu(options) },
  { name: "GDSF", isOnline: true, build: (options) => new Gdsf(options) },
  { name: "AgedFreq", isOnline: true, build: (options) => new AgedFreqPolicy(options) },
  { name: "AgedFreq 95→90%", isOnline: true, build: (options) => new AgedFreqBatches(options) },
  { name: "Belady", isOnline: false, build: (options, next) => new Belady(options, next) },
];
