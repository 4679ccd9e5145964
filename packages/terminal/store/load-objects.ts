import type { Log } from "@neson/kit/log";
import { headersIdOf } from "@neson/protocol/manifest";
import { prepareHeaderSet } from "./header-set.ts";
import type { ObjectRows } from "./object-rows.ts";
import { objectOfRow, type StoredObject } from "./stored-object.ts";

/** The objects of an index with their header sets, by object id, most used first. What of it cannot be true is left out. */
export function loadObjects(rows: ObjectRows, log: Log): Map<string, StoredObject> {
  const objects = new Map<string, StoredObject>();
  for (const row of rows.all()) {
    const object = objectOfRow(row);
    if (object !== undefined) objects.set(object.objectId, object);
    else log.warn({ objectId: String(row.object_id).slice(0, 80) }, "a row of the index makes no sense: left out");
  }
  for (const { objectId, headersId, site, list } of rows.allHeaderSets()) {
    const object = objects.get(objectId);
    // The id is the hash of the list: a damaged row shows here, and is asked for again when a ticket names it.
    if (object === undefined || headersIdOf(list) !== headersId) continue;
    object.headerSets.set(headersId, prepareHeaderSet({ headersId, site, list }, object.size));
  }
  return objects;
}
