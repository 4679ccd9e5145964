import { expect, test } from "bun:test";
import { FakeClock } from "@neson/kit/fake-clock";
import { type Site, siteSchema } from "../sites/site.ts";
import { OriginHealth } from "./origin-health.ts";
import { RetryBudget } from "./retry-budget.ts";
import { type Target, targetsOf } from "./targets.ts";

function siteWith(origins: object): Site {
  return siteSchema.parse({ name: "s", hosts: ["s.test"], origin: "https://a.test", origins });
}

function start(origins: object, draws: number[] = [0]) {
  const clock = new FakeClock();
  let draw = 0;
  const health = new OriginHealth({ clock, random: () => draws[draw++ % draws.length] ?? 0 });
  const site = siteWith(origins);
  const chosen = (tried: Target[] = []) => health.choose(site, new Set(tried))?.url;
  const target = (url: string) => targetsOf(site).find((one) => one.url === url) as Target;
  return { clock, health, site, chosen, target };
}

const A = "https://a.test";
const B = "https://b.test";
const C = "https://c.test";

test("OriginHealth chooses by weight", () => {
  const draws = Array.from({ length: 1000 }, (_, i) => i / 1000);
  const { chosen } = start(
    {
      weight: 1,
      others: [
        { url: B, weight: 3 },
        { url: C, weight: 0 },
      ],
    },
    draws,
  );
  const counts = new Map<string | undefined, number>();
  for (let i = 0; i < 1000; i++) {
    const url = chosen();
    counts.set(url, (counts.get(url) ?? 0) + 1);
  }
  expect([counts.get(A), counts.get(B), counts.get(C)]).toEqual([250, 750, undefined]);
});

test("OriginHealth leaves an origin alone after failures in a row, but never the last", async () => {
  const { clock, health, site, chosen, target } = start({
    others: [{ url: B, weight: 0 }],
    eject: { failures: 3, seconds: 10 },
  });
  for (let i = 0; i < 2; i++) health.failed(site, target(A));
  health.answered(site, target(A), 5);
  for (let i = 0; i < 2; i++) health.failed(site, target(A));
  expect(chosen()).toBe(A);
  health.failed(site, target(A));
  expect(chosen()).toBe(B);
  for (let i = 0; i < 3; i++) health.failed(site, target(B));
  expect(chosen()).toBe(A);
  await clock.advance(10_000);
  expect(health.figures(site).map(({ isEjected, failures }) => [isEjected, failures])).toEqual([
    [false, 5],
    [false, 3],
  ]);
});

test("OriginHealth asks backups only while no other is in order, and checks decide what is", () => {
  const health = { path: "/up", unhealthyAfter: 2, healthyAfter: 2 };
  const bed = start({ others: [{ url: B }, { url: C, isBackup: true }], health });
  const check = (url: string, isFine: boolean) => bed.health.checked(bed.site, bed.target(url), isFine);
  expect(bed.chosen()).toBe(A);
  check(A, false);
  expect(bed.chosen()).toBe(A);
  check(A, false);
  expect(bed.chosen()).toBe(B);
  expect(bed.chosen([bed.target(B)])).toBe(C);
  check(B, false);
  check(B, false);
  expect(bed.chosen()).toBe(C);
  check(C, false);
  check(C, false);
  // All are out of order: better any than none.
  expect(bed.chosen()).toBe(A);
  check(A, true);
  check(A, false);
  check(A, true);
  expect(bed.health.figures(bed.site)[0]?.isHealthy).toBe(false);
  check(A, true);
  expect(bed.health.figures(bed.site)[0]?.isHealthy).toBe(true);
});

test("OriginHealth keeps what it knows of an origin through a change of the site, and drops origins that are no more", () => {
  const { health, site, target } = start({ others: [{ url: B }] });
  health.asked(site, target(B), true);
  const changed = siteWith({ others: [{ url: B, weight: 5 }, { url: C }] });
  expect(health.figures(changed).map(({ url, requests, retries }) => [url, requests, retries])).toEqual([
    [A, 0, 0],
    [B, 1, 1],
    [C, 0, 0],
  ]);
  health.keepOnly(new Set());
  expect(health.figures(changed)[1]?.requests).toBe(0);
});

test("RetryBudget allows a fifth of the requests, and a few at once", () => {
  const budget = new RetryBudget();
  let spent = 0;
  for (let i = 0; i < 1000; i++) {
    budget.earn("s");
    while (budget.spend("s")) spent += 1;
  }
  expect(spent).toBeGreaterThanOrEqual(200);
  expect(spent).toBeLessThanOrEqual(211);
});

test("a site's origins differ from each other", () => {
  expect(() => siteWith({ others: [{ url: A }] })).toThrow("differ");
});
