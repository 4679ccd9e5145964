import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Site } from "../sites/site.ts";
import type { Steering } from "../steer/steering.ts";
import { type AssembleDeps, assemble } from "./assemble.ts";
import type { Sliced } from "./sliced.ts";

/** What assemblies work with. */
export interface AssembliesDeps extends AssembleDeps {
  steering: Steering;
  log: Log;
}

/** Files whose slices are all stored, on their way to ordinary objects: one at a time, each once. */
export class Assemblies {
  readonly #maxObjectBytes: number;
  readonly #deps: AssembliesDeps;
  readonly #signal: AbortSignal;
  readonly #known = new WeakSet<Sliced>();
  #last: Promise<void> = Promise.resolve();

  /** The signal ends what is under way. */
  constructor(options: { maxObjectBytes: number }, deps: AssembliesDeps, signal: AbortSignal) {
    this.#maxObjectBytes = options.maxObjectBytes;
    this.#deps = deps;
    this.#signal = signal;
  }

  /** Puts a representation at the end of the line; nothing happens for one that was there before or is too large for an object. */
  add(sliced: Sliced, site: Site): void {
    if (this.#known.has(sliced) || sliced.isDoomed || sliced.size > this.#maxObjectBytes) return;
    this.#known.add(sliced);
    this.#last = this.#last.then(() => this.#assemble(sliced, site));
  }

  /** Waits until the line is empty. */
  async idle(): Promise<void> {
    await this.#last;
  }

  async #assemble(sliced: Sliced, site: Site): Promise<void> {
    const { steering, log } = this.#deps;
    try {
      if (this.#signal.aborted || sliced.isDoomed) return;
      const entry = await assemble(sliced, this.#deps, this.#signal);
      // A part that was lost may come again.
      if (entry === undefined) this.#known.delete(sliced);
      else steering.stored(entry, site);
    } catch (error) {
      if (this.#signal.aborted) return;
      const subject = { err: error, site: site.name, target: sliced.key };
      log.warn(subject, `making an object of slices failed: ${describeError(error)}`);
    }
  }
}
