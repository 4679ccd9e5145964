import { type CatalogEntry, memoryCostOf } from "./entry.ts";

/** Whether two entries are one row with the same bytes, whatever their header fields. */
export function isSameRow(a: CatalogEntry, b: CatalogEntry): boolean {
  return a.site === b.site && a.key === b.key && a.variant === b.variant && a.object.objectId === b.object.objectId;
}

/** What memory has a key of a site under. Site names hold no space. */
export function memoryKey(site: string, key: string): string {
  return `${site} ${key}`;
}

/** Bytes of memory for a key of which nothing is stored. */
export function emptyCost(id: string): number {
  return 200 + id.length;
}

/** Bytes of memory for a key with its entries. */
export function costOf(id: string, entries: readonly CatalogEntry[]): number {
  return entries.reduce((sum, entry) => sum + memoryCostOf(entry), emptyCost(id));
}
