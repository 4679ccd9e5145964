// An edge with a purger, for tests of purges; Terminals are lists of what they were told.
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { startTestbed, type Testbed, type TestbedOptions } from "../edge/testbed.ts";
import type { PurgeOrder } from "./order.ts";
import { PurgeRows } from "./purge-rows.ts";
import type { PurgeJob } from "./purge-tables.ts";
import { PurgeTables } from "./purge-tables.ts";
import { Purger, type PurgerDeps } from "./purger.ts";

/** What a test of purges works with. */
export interface PurgeTestbed extends AsyncDisposable {
  bed: Testbed;
  clock: FakeClock;
  purger: Purger;
  /** Objects that Terminals were told of, and what was published for other Routers. */
  told: string[];
  published: { orders: [PurgeOrder, string][]; gone: string[] };
  /** Purges a moment later than everything before, and waits for the end. */
  purge(order: Omit<PurgeOrder, "site" | "mode"> & { mode?: PurgeOrder["mode"] }): Promise<PurgeJob>;
  /** Waits until a purge is settled. */
  settled(job: PurgeJob): Promise<PurgeJob>;
}

/** A purger on the parts of an edge under test. */
export function purgerFor(bed: Testbed, change: Partial<PurgerDeps>): Purger {
  return new Purger({
    ...{ tables: new PurgeTables(bed.db), rows: new PurgeRows(bed.db), marks: bed.catalog.marks, log: silentLog },
    forgetMemory: (site, key) => bed.catalog.forgetMemory(site, key),
    removeParts: (site, matches) => bed.slices.removeWhere(site, matches),
    removeBytes: (objectIds) => {
      for (const objectId of objectIds) bed.shield.remove(objectId);
      bed.edge.dropCoded(objectIds);
    },
    tellTerminals: async () => ({ told: [], unconfirmed: [], absent: [] }),
    pullsOver: (site) => bed.edge.pullsOver(site),
    publish: () => {},
    publishGone: () => {},
    clock: new FakeClock(Date.now()),
    ...change,
  });
}

/** Starts both; time stands still but for a moment before each purge and after it. */
export async function startPurgeTestbed(options: Omit<TestbedOptions, "clock">): Promise<PurgeTestbed> {
  const clock = new FakeClock(Date.now());
  const bed = await startTestbed({ ...options, clock });
  const told: string[] = [];
  const published: PurgeTestbed["published"] = { orders: [], gone: [] };
  const purger = purgerFor(bed, {
    clock,
    tellTerminals: async (objectIds) => {
      told.push(...objectIds);
      return { told: ["t1"], unconfirmed: [], absent: [] };
    },
    publish: (order, id) => void published.orders.push([order, id]),
    publishGone: (objectIds) => void published.gone.push(...objectIds),
  });
  const reached = async (job: PurgeJob, is: (now: PurgeJob) => boolean): Promise<PurgeJob> => {
    for (;;) {
      const now = await purger.find("test-site", job.id);
      if (now !== undefined && is(now)) return now;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    ...{ bed, clock, purger, told, published },
    purge: async (order) => {
      await clock.advance(5);
      const job = await purger.purge({ site: "test-site", mode: "hard", ...order });
      await clock.advance(5);
      return await reached(job, ({ doneAtMs }) => doneAtMs !== undefined);
    },
    settled: (job) => reached(job, ({ settledAtMs }) => settledAtMs !== undefined),
    [Symbol.asyncDispose]: async () => {
      await purger[Symbol.asyncDispose]();
      await bed[Symbol.asyncDispose]();
    },
  };
}
