import type { Clock } from "@neson/kit/clock";
import { ObjectHasher } from "@neson/protocol/object";
import type { Catalog } from "../catalog/catalog.ts";
import type { CatalogEntry } from "../catalog/entry.ts";
import type { Shield } from "../catalog/shield.ts";
import type { SliceStore } from "./slice-store.ts";
import type { Sliced } from "./sliced.ts";

/** What assembling works with. */
export interface AssembleDeps {
  store: SliceStore;
  shield: Pick<Shield, "begin">;
  catalog: Pick<Catalog, "put" | "remove">;
  clock: Clock;
}

/**
 * Makes an ordinary object of a representation whose parts are all stored, from the disk alone; the parts go once it is committed. Works at half speed, as
 * nobody waits for it. Undefined when a part was lost meanwhile or the representation was invalidated.
 * @throws what the disk or the database throws, or the signal's reason
 */
export async function assemble(
  sliced: Sliced,
  deps: AssembleDeps,
  signal: AbortSignal,
): Promise<CatalogEntry | undefined> {
  const { store, shield, catalog, clock } = deps;
  const hasher = new ObjectHasher();
  const write = shield.begin();
  const giveUp = async (error: unknown) => {
    await write.abort(error instanceof Error ? error : new Error("a part is gone"));
    return undefined;
  };
  try {
    for (let at = 0; at < sliced.size; ) {
      const startMs = clock.nowMs();
      const bytes = sliced.isDoomed ? undefined : store.read(sliced, at, sliced.size - 1);
      if (bytes === undefined) return await giveUp(undefined);
      for await (const block of bytes) {
        hasher.update(block);
        await write.append(block);
        at += block.length;
      }
      if (at < sliced.size) await clock.sleep(Math.max(1, clock.nowMs() - startMs), signal);
    }
  } catch (error) {
    await giveUp(error);
    throw error;
  }
  const object = hasher.finish();
  await write.finish(object);
  write.body.end();
  if (sliced.isDoomed) return undefined;
  const { site, key, status, headers, requestTimeMs, responseTimeMs, vary, variantKey } = sliced;
  const draft = { ...{ site, key, status, headers, requestTimeMs, responseTimeMs }, vary, variantKey };
  const entry = await catalog.put(draft, object);
  if (sliced.isDoomed) {
    // Invalidated while it was committed: it may have come after the removal.
    await catalog.remove(site, key);
    return undefined;
  }
  sliced.objectId = object.objectId;
  store.drop(sliced);
  return entry;
}
