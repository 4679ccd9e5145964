import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { openIndex } from "../store/index-database.ts";
import { openLayout } from "../store/layout.ts";
import { MemoryCache } from "../store/memory-cache.ts";
import { ObjectRows } from "../store/object-rows.ts";
import { ObjectStore } from "../store/object-store.ts";
import { StartCheck } from "../store/start-check.ts";

/** The storage parts over a directory, as a Terminal builds them. */
export function openTestStore(
  dataDir: string,
  quotaBytes = 50 * 2 ** 20,
  freeBytes?: ((directory: string) => number) | undefined,
) {
  const clock = new FakeClock();
  const log = silentLog;
  const layout = openLayout(dataDir);
  const index = openIndex(layout.indexPath, { clock, log });
  const rows = new ObjectRows(index);
  const memory = new MemoryCache(2 ** 20);
  const store = new ObjectStore(quotaBytes, { layout, rows, memory, clock, log, freeBytes });
  const check = new StartCheck(2 ** 40, { store, layout, clock, log });
  return { clock, layout, index, rows, memory, store, check, [Symbol.dispose]: () => index.close() };
}
