import { NesonError } from "@neson/kit/error";
import type { CheckedPairs } from "./checked-pairs.ts";
import { prepareHeaderSet } from "./header-set.ts";
import type { HeaderSetRow, ObjectRows } from "./object-rows.ts";
import type { StoredObject } from "./stored-object.ts";

/** Most header sets kept for one object. */
const MAX_HEADER_SETS = 1000;

/** A header set as a manifest brings it. */
export type NewHeaderSet = Omit<HeaderSetRow, "objectId">;

/** Gives objects their header sets and takes them away, on the object, in the index and in the digest alike. */
export class HeaderSets {
  readonly #rows: ObjectRows;
  readonly #pairs: CheckedPairs;

  constructor(rows: ObjectRows, pairs: CheckedPairs) {
    this.#rows = rows;
    this.#pairs = pairs;
  }

  /** @throws NesonError `no-room` (operator) when the object has too many already */
  add(object: StoredObject, { headersId, site, list }: NewHeaderSet): void {
    const { objectId, headerSets } = object;
    if (headerSets.has(headersId)) return;
    if (headerSets.size >= MAX_HEADER_SETS) {
      const message = `header set ${headersId} of ${objectId}: it has ${MAX_HEADER_SETS}, the most allowed`;
      throw new NesonError("no-room", message, { fault: "operator" });
    }
    this.#rows.insertHeaderSet({ objectId, headersId, site, list });
    headerSets.set(headersId, prepareHeaderSet({ headersId, site, list }, object.size));
    if (object.state === "whole") this.#pairs.addPair(object, headersId);
  }

  /** Takes away one of several; what the object has left keeps it alive. */
  remove(object: StoredObject, headersId: string): void {
    object.headerSets.delete(headersId);
    if (object.state === "whole") this.#pairs.removePair(object, headersId);
    this.#rows.removeHeaderSet(object.objectId, headersId);
  }
}
