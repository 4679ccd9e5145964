import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { isUnavailable } from "../db/database-trouble.ts";
import type { CatalogTables } from "./catalog-tables.ts";

/** One key of a site, or all of them. */
interface Removal {
  site: string;
  key?: string;
}

/** More than these are not kept one by one: whole sites are forgotten instead. */
const MAX_KEPT = 10_000;

/**
 * Removes rows of the catalog; while the database is away it keeps in mind which, and makes up for it before anything is read or written again. So
 * nothing that an unsafe method invalidated (RFC 9111 4.4) comes back with the database.
 */
export class OwedRemovals {
  readonly #tables: Pick<CatalogTables, "removeKey" | "removeSite">;
  readonly #deps: { log: Log };
  readonly #owed = new Map<string, Removal>();
  #settling: Promise<void> | undefined;

  constructor(tables: Pick<CatalogTables, "removeKey" | "removeSite">, deps: { log: Log }) {
    this.#tables = tables;
    this.#deps = deps;
  }

  get isEmpty(): boolean {
    return this.#owed.size === 0;
  }

  /** Removes now, or as soon as the database is back. */
  async remove(removal: Removal): Promise<void> {
    try {
      await this.#carryOut(removal);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      if (this.isEmpty) {
        this.#deps.log.error(
          { err: error, ...removal },
          `forgetting what is stored must wait: ${describeError(error)}`,
        );
      }
      this.#keep(removal);
    }
  }

  /** Removes what is owed. @throws NesonError `database-unavailable` when it still cannot */
  async settle(): Promise<void> {
    if (this.isEmpty) return;
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
    await this.#settling;
  }

  async #settle(): Promise<void> {
    for (const [id, removal] of this.#owed) {
      await this.#carryOut(removal);
      // Another may have been noted meanwhile, of what was stored after this one.
      if (this.#owed.get(id) === removal) this.#owed.delete(id);
    }
  }

  #carryOut({ site, key }: Removal): Promise<void> {
    return key === undefined ? this.#tables.removeSite(site) : this.#tables.removeKey(site, key);
  }

  #keep(removal: Removal): void {
    if (this.#owed.size >= MAX_KEPT) {
      const sites = new Set([...this.#owed.values(), removal].map(({ site }) => site));
      this.#owed.clear();
      for (const site of sites) this.#owed.set(site, { site });
      return;
    }
    // Site names hold no space.
    this.#owed.set(`${removal.site} ${removal.key ?? ""}`, removal);
  }
}
