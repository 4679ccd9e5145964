import { expect } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { ObjectHasher } from "@neson/protocol/object";
import { KeptAnswers } from "@neson/router/api/kept-answers";
import { CatalogTables } from "@neson/router/catalog/catalog-tables";
import { entryOf } from "@neson/router/catalog/entry";
import { removeUnnamedObjects } from "@neson/router/catalog/unnamed-objects";
import { transact } from "@neson/router/db/transaction";
import { createTracks } from "@neson/router/registry/tracks";
import { openSites } from "@neson/router/sites/site-registry";
import { dueAlerts, noteAlert, takeAlert } from "@neson/router/spend/alert-tables";
import { addUsage, readUsage } from "@neson/router/spend/usage-tables";
import { addFigures, readFigures } from "@neson/router/traffic/figure-tables";
import { withPostgres } from "./databases.ts";

const NOW_MS = 1_800_000_000_000;
const TERMINAL = "ab".repeat(32);

withPostgres("two Routers that check one Terminal at once count every check", async ({ open }) => {
  const clock = new FakeClock(NOW_MS);
  const tracks = [await open(), await open()].map((db) => createTracks({ db, clock }));
  const checks = Array.from({ length: 60 }, (_, i) =>
    tracks[i % 2]?.noteCheck(TERMINAL, i % 3 === 0 ? "corrupt" : "good", "wrong bytes"),
  );
  await Promise.all(checks);
  const standing = await tracks[0]?.of(TERMINAL);
  expect(standing?.corrupt).toMatchObject({
    checks: 60,
    failures: 20,
    reasons: ["2027-01-15: wrong bytes (20 times)"],
  });
  expect(standing?.offline).toMatchObject({ checks: 60, failures: 0 });
});

withPostgres("two Routers that add to one month and one series add up", async ({ open }) => {
  const databases = [await open(), await open()];
  const atSeconds = NOW_MS / 1000;
  const values = ["DE", "FR", "JP"];
  await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const db = databases[i % 2] ?? databases[0];
      if (db === undefined) return;
      const order = i % 2 === 0 ? values : values.toReversed();
      const counts = order.map((value) => ({ dimension: "country" as const, value, requests: 1, bytes: 2 }));
      await addFigures(db, { site: "shop", counts, atSeconds });
      await addUsage(db, { site: "shop", nowMs: NOW_MS, requests: 1, routerBytes: 2, terminalBytes: 3 });
    }),
  );
  const [db] = databases;
  if (db === undefined) throw new Error("no database");
  expect(await readUsage(db, "shop", "2027-01")).toMatchObject({ requests: 60, routerBytes: 120, terminalBytes: 180 });
  const query = { site: "shop", step: "day", dimension: "country", from: 0, to: atSeconds + 1, limit: 10 } as const;
  expect((await readFigures(db, query)).map(({ value, requests, bytes }) => [value, requests, bytes])).toEqual([
    ["DE", 60, 120],
    ["FR", 60, 120],
    ["JP", 60, 120],
  ]);
});

withPostgres("a request that reaches two Routers with one Idempotency-Key is carried out once", async ({ open }) => {
  const clock = new FakeClock(NOW_MS);
  const kept = [await open(), await open()].map((db) => new KeptAnswers({ db, clock }));
  for (let round = 0; round < 10; round++) {
    const standings = await Promise.all(
      Array.from({ length: 12 }, (_, i) => kept[i % 2]?.begin("operator", `key ${round}`, "digest")),
    );
    expect(standings.filter((standing) => standing?.state === "new")).toHaveLength(1);
    expect(standings.filter((standing) => standing?.state === "running")).toHaveLength(11);
    await kept[1]?.keep("operator", `key ${round}`, { status: 201, headers: [], body: "{}" });
    expect(await kept[0]?.begin("operator", `key ${round}`, "digest")).toMatchObject({ state: "done" });
  }
});

withPostgres("two Routers give a host name to one site alone", async ({ open }) => {
  const deps = { clock: new FakeClock(NOW_MS), forgetStored: async () => {} };
  const routers = [await openSites({ db: await open(), ...deps }), await openSites({ db: await open(), ...deps })];
  const site = (name: string) => ({ name, hosts: ["shop.example"], origin: "http://o.example" });
  for (let round = 0; round < 5; round++) {
    const outcomes = await Promise.allSettled([routers[0]?.put(site("one")), routers[1]?.put(site("two"))]);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(outcomes.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "host-taken" } });
    for (const router of routers) {
      await router.remove("one");
      await router.remove("two");
    }
  }
});

withPostgres("two Routers note an alert once and send it once", async ({ open }) => {
  const databases = [await open(), await open()];
  const alert = { site: "shop", month: "2027-01", percent: 80, capMicros: 100, costMicros: 80 };
  await Promise.all(databases.flatMap((db) => Array.from({ length: 10 }, () => noteAlert(db, alert, NOW_MS))));
  // Both see it before either takes it.
  const due = await Promise.all(databases.map((db) => dueAlerts(db, NOW_MS, 20)));
  for (const seen of due) expect(seen).toHaveLength(1);
  const taken = await Promise.all(
    databases.map((db, i) => Promise.all((due[i] ?? []).map((one) => takeAlert(db, one, NOW_MS + 60_000)))),
  );
  expect(taken.flat().filter(Boolean).length).toBe(1);
});

withPostgres("an object that is being published anew is not removed as one that nobody publishes", async ({ open }) => {
  const databases = [await open(), await open()];
  const [storing, removing] = databases;
  if (storing === undefined || removing === undefined) throw new Error("no database");
  const tables = new CatalogTables(storing);
  const removeUnnamed = (id: string) => transact(removing, (within) => removeUnnamedObjects(within, [id], NOW_MS));
  const object = new ObjectHasher().finish();
  for (let round = 0; round < 40; round++) {
    const received = { status: 200, headers: [], requestTimeMs: NOW_MS, responseTimeMs: NOW_MS };
    const draft = { ...received, site: "shop", key: `/${round}`, vary: [], variantKey: "" };
    const entry = entryOf(draft, object);
    await Promise.all([
      tables.putEntry(entry, object.pieces, NOW_MS),
      removeUnnamed(object.objectId),
      removeUnnamed(object.objectId),
    ]);
    // Whatever came first, in the end the entry has its object.
    expect((await tables.entriesOfKey("shop", `/${round}`)).map(({ key }) => key)).toEqual([`/${round}`]);
    expect(await storing.selectFrom("purged_objects").selectAll().execute()).toEqual([]);
    await tables.removeSite("shop");
  }
});
