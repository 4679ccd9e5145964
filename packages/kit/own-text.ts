/**
 * The same text in memory of its own. A slice of a request keeps the whole header section alive for as long as it is held: what outlives the
 * request is copied first.
 *
 * @param slice Latin-1 characters only
 */
export function ownText(slice: string): string {
  return Buffer.from(slice, "latin1").toString("latin1");
}
