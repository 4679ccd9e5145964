import { type RequestHeaders, selectVariant } from "../policy/vary.ts";
import type { CatalogEntry } from "./entry.ts";

/** The request's fields as the origin sees them when its answer may be stored: those that choose among variants. */
export function selectingHeaders(headers: RequestHeaders): RequestHeaders {
  return { ...headers, "accept-encoding": "identity" };
}

/** The entry among a key's variants that answers a request. */
export function pick(entries: readonly CatalogEntry[], headers: RequestHeaders): CatalogEntry | undefined {
  const [only] = entries;
  if (only === undefined) return undefined;
  if (entries.length === 1 && only.vary.length === 0) return only;
  return selectVariant(entries, selectingHeaders(headers));
}
