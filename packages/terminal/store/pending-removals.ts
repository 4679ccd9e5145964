import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { ObjectFiles } from "./object-files.ts";
import type { ObjectRows } from "./object-rows.ts";

/** What removing needs. */
export interface PendingRemovalsDeps {
  rows: ObjectRows;
  files: ObjectFiles;
  log: Log;
}

/**
 * Removes objects from disk and index. Where a read-only or vanished disk does not let it, it tries again later: what a Router ordered
 * to be deleted must not come back at the next start.
 */
export class PendingRemovals {
  readonly #deps: PendingRemovalsDeps;
  readonly #objectIds = new Set<string>();

  constructor(deps: PendingRemovalsDeps) {
    this.#deps = deps;
  }

  /** Removes it now if the disk lets it. Never throws. */
  add(objectId: string): void {
    try {
      this.#remove(objectId);
    } catch (error) {
      this.#objectIds.add(objectId);
      const reason = describeError(error);
      this.#deps.log.warn({ objectId, reason }, "removing an object failed: not served any more, tried again later");
    }
  }

  /** Removes everything that waits for it. Stops quietly at the first that still fails. */
  retry(): void {
    try {
      for (const objectId of this.#objectIds) this.settle(objectId);
    } catch {
      // told when it was added; the disk is told of by itself
    }
  }

  /**
   * Makes sure that nothing of an earlier object of that id is left.
   *
   * @throws Error of the index or the file system
   */
  settle(objectId: string): void {
    if (!this.#objectIds.has(objectId)) return;
    this.#remove(objectId);
    this.#objectIds.delete(objectId);
  }

  #remove(objectId: string): void {
    this.#deps.files.remove(objectId);
    this.#deps.rows.remove(objectId);
  }
}
