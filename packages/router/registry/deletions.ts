import type { ConnectedTerminal } from "./connected-terminal.ts";

/** Has a Terminal delete objects, all header sets of each. What an index page in the making lists of them is disregarded. */
export function deleteAt(terminal: ConnectedTerminal, objectIds: readonly string[], reason: string): void {
  for (const objectId of objectIds) {
    terminal.forgetObject(objectId);
    terminal.send({ type: "delete", objectId, reason });
  }
}

/** The same for every Terminal that holds one of them; gives how many Terminals were told something. */
export function deleteEverywhere(
  terminals: readonly ConnectedTerminal[],
  objectIds: readonly string[],
  reason: string,
): number {
  let told = 0;
  for (const terminal of terminals) {
    const held = objectIds.filter((objectId) => terminal.holdsObject(objectId));
    if (held.length === 0) continue;
    deleteAt(terminal, held, reason);
    told += 1;
  }
  return told;
}

/** Header sets of one object that a Terminal may hold before those that nothing publishes any more are cleared away. */
const MAX_HEADER_SETS = 16;

/**
 * Clears away what revalidations leave behind: each that brings a new Date makes a new header set of the same bytes. Does nothing while there are
 * few, so that tickets for the last ones have mostly expired; a viewer who comes too late is sent back and asks again.
 */
export async function clearHeaderSets(
  terminal: ConnectedTerminal,
  objectId: string,
  publishedHeaders: (objectId: string) => Promise<ReadonlySet<string>>,
): Promise<void> {
  const held = terminal.headersOf(objectId);
  if (held.length <= MAX_HEADER_SETS) return;
  const published = await publishedHeaders(objectId);
  // An object that is published nowhere goes as a whole, by and by.
  if (published.size === 0) return;
  for (const headersId of held) {
    if (published.has(headersId)) continue;
    terminal.forgetHeaders(objectId, headersId);
    terminal.send({ type: "delete", objectId, headersId, reason: "these header fields are not published any more" });
  }
}
