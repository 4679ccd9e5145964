import type { RouterMessage } from "@neson/protocol/messages";
import type { ObjectStore } from "../store/object-store.ts";
import type { KeepTerms, StoredObject } from "../store/stored-object.ts";

/** How a save wants its object kept. */
export interface SaveTerms extends KeepTerms {
  /** It says how long; the answer to a `want` mostly does not, and then leaves what was said before. */
  saysHowLong: boolean;
}

/** Reads them from the message: a save that answers no `want` is a placement, and says all there is to say. */
export function saveTermsOf(save: Extract<RouterMessage, { type: "save" }>): SaveTerms {
  const isPlaced = save.id === undefined;
  return {
    keepUntilSeconds: save.keepUntil,
    isPinned: save.isPinned ?? false,
    isPlaced,
    saysHowLong: isPlaced || save.keepUntil !== undefined || save.isPinned !== undefined,
  };
}

/** The terms of an object that was ordered on `before` and then on `after`. */
export function mergeTerms(before: SaveTerms, after: SaveTerms): SaveTerms {
  const said = after.saysHowLong ? after : before;
  return { ...said, isPlaced: before.isPlaced || after.isPlaced };
}

/** Puts an object that is here on the terms of a further save. */
export function applyTerms(store: ObjectStore, object: StoredObject, terms: SaveTerms): void {
  const { keepUntilSeconds, isPinned, isPlaced } = mergeTerms({ ...object, saysHowLong: true }, terms);
  if (keepUntilSeconds === object.keepUntilSeconds && isPinned === object.isPinned && (object.isPlaced || !isPlaced)) {
    return;
  }
  store.setTerms(object, { keepUntilSeconds, isPinned, isPlaced });
}
