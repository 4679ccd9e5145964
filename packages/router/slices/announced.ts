import type { Sliced } from "./sliced.ts";

interface Announcement {
  site: string;
  key: string;
  first: number;
  last: number;
  landed: Promise<unknown>;
}

/** Stretches for which a request is out before anything is known of the file: nobody else asks for the same bytes until it has landed. */
export class Announced {
  readonly #all = new Set<Announcement>();

  /** Stands until `landed`, which must not reject. */
  add(announcement: Announcement): void {
    this.#all.add(announcement);
    announcement.landed.then(() => this.#all.delete(announcement));
  }

  /** Resolves when the request for byte `at` has landed; undefined when none is out. */
  at({ site, key }: Sliced, at: number): Promise<unknown> | undefined {
    for (const one of this.#all) {
      if (one.first <= at && at <= one.last && one.key === key && one.site === site) return one.landed;
    }
    return undefined;
  }
}
