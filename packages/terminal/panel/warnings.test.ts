import { expect, test } from "bun:test";
import { warningSchema } from "./status.ts";
import { realisticSources } from "./testing/realistic-sources.ts";
import { type WarningFacts, warningsOf } from "./warnings.ts";

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const GIB = 1024 ** 3;
const DAY_MS = 86_400_000;

const sources = realisticSources(() => NOW_MS);
const reported = sources.standing();
if (reported === undefined) throw new Error("the realistic sources have a standing");

const WELL: WarningFacts = {
  nowMs: NOW_MS,
  identity: sources.identity(),
  connection: { isConnected: true },
  load: sources.load(),
  storage: sources.storage(),
  hardware: sources.hardware(),
  standing: undefined,
  release: undefined,
  certificate: undefined,
  clockOffsetMs: undefined,
};

function codes(changes: Partial<WarningFacts>): string[] {
  return warningsOf({ ...WELL, ...changes }).map(({ code, level }) => `${level} ${code}`);
}

function only(changes: Partial<WarningFacts>) {
  const [warning, ...others] = warningsOf({ ...WELL, ...changes });
  if (warning === undefined || others.length > 0) throw new Error(`expected one warning, found ${others.length}`);
  return warning;
}

test("warningsOf() says nothing when all is well", () => {
  expect(warningsOf(WELL)).toEqual([]);
});

test("warningsOf() tells why no Router has the Terminal in, with the remedy for that reason", () => {
  const refusal = (code: string, message = "no") => ({
    connection: { isConnected: false, lastRefusal: { code, message, atMs: NOW_MS } },
  });
  const unreachable = only(refusal("unreachable-endpoint", "it did not answer within 5 s"));
  expect(unreachable).toMatchObject({ code: "unreachable", level: "error" });
  expect(unreachable.message).toContain("https://t1.example.net:8443");
  expect(unreachable.message).toContain("it did not answer within 5 s.");
  expect(unreachable.remedy).toContain("firewall");
  expect(only(refusal("duplicate")).remedy).toContain("identity.key");
  expect(only(refusal("protocol-version")).remedy).toContain("Install");
  expect(only(refusal("full"))).toMatchObject({ code: "not-connected", level: "warning" });
  expect(only(refusal("something-new", "a reason of the future")).message).toContain("a reason of the future");
});

test("warningsOf() gives a start fifteen seconds to reach the Router", () => {
  const connection = { isConnected: false };
  expect(codes({ connection, identity: { ...WELL.identity, startedAtMs: NOW_MS - 14_000 } })).toEqual([]);
  expect(codes({ connection, identity: { ...WELL.identity, startedAtMs: NOW_MS - 16_000 } })).toEqual([
    "error not-connected",
  ]);
});

test("warningsOf() calls leaving what it is, and no fault", () => {
  const storage = { ...WELL.storage, refusesSaves: "draining" as const };
  expect(codes({ storage, connection: { isConnected: false } })).toEqual(["info leaving"]);
});

test("warningsOf() tells each way in which a disk can refuse", () => {
  for (const refusesSaves of ["disk-full", "disk-read-only", "disk-gone"] as const) {
    const warning = only({ storage: { ...WELL.storage, refusesSaves, remainingBytes: 0 } });
    expect(warning).toMatchObject({ code: refusesSaves, level: "error" });
  }
});

test("warningsOf() tells a quota above the disk from a disk nearly full, and names the quota that fits", () => {
  const storage = { ...WELL.storage, quotaBytes: 200 * GIB, usedBytes: 50 * GIB };
  expect(codes({ storage: { ...storage, remainingBytes: 150 * GIB } })).toEqual([]);
  const above = only({ storage: { ...storage, remainingBytes: 100 * GIB } });
  expect(above.code).toBe("quota-above-disk");
  expect(above.remedy).toContain("150 GiB");
  const full = only({ storage: { ...storage, remainingBytes: 0.5 * GIB } });
  expect(full.code).toBe("disk-nearly-full");
  expect(full.remedy).toContain("50.5 GiB");
  // A store filled to its quota is as it should be.
  expect(codes({ storage: { ...storage, usedBytes: 200 * GIB, remainingBytes: 0 } })).toEqual([]);
});

test("warningsOf() warns of a disk that is slow by itself, and notes one that is slower than the link", () => {
  const withDisk = (readBytesPerSecond: number) => ({
    hardware: { ...WELL.hardware, disk: { ...WELL.hardware.disk, readBytesPerSecond } },
  });
  expect(codes(withDisk(20 * 1024 ** 2))).toEqual(["warning slow-disk"]);
  expect(codes(withDisk(50 * 1024 ** 2))).toEqual(["info slow-disk"]);
  expect(codes(withDisk(100 * 1024 ** 2))).toEqual([]);
});

test("warningsOf() warns from half of a track's limit, gravely from four fifths, never of what was not checked", () => {
  const at = (score: number, checks = 100) => ({
    standing: {
      ...reported,
      earnings: [],
      tracks: {
        corrupt: {
          checks,
          failures: 1,
          score,
          limit: 10,
          consequence: "no placements",
          reasons: ["piece 7 was wrong"],
        },
        unknown: { checks: 0, failures: 0, score: 0, limit: 0, consequence: "", reasons: [] },
        offline: { checks: 9, failures: 0, score: 0, limit: 10, consequence: "no tickets", reasons: [] },
      },
    },
  });
  expect(codes(at(4.9))).toEqual([]);
  expect(codes(at(5))).toEqual(["warning track-corrupt"]);
  expect(codes(at(8))).toEqual(["error track-corrupt"]);
  expect(codes(at(8, 0))).toEqual([]);
  const { message } = only(at(10));
  expect(message).toContain("has reached its limit");
  expect(message).toContain("piece 7 was wrong");
});

test("warningsOf() warns when more than a twentieth of today's bytes is not paid", () => {
  const tracks = { ...reported.tracks, offline: { ...reported.tracks.offline, score: 0 } };
  const withRefused = (day: string, refusedBytes: number) => ({
    standing: { ...reported, tracks, earnings: [{ day, paidBytes: 95, refusedBytes }] },
  });
  expect(codes(withRefused("2026-11-22", 5))).toEqual([]);
  expect(codes(withRefused("2026-11-22", 6))).toEqual(["warning bytes-refused"]);
  expect(codes(withRefused("2026-11-21", 60))).toEqual([]);
});

test("warningsOf() warns of a certificate before it ends", () => {
  const leftDays = (days: number) => ({ certificate: { expiresAtMs: NOW_MS + days * DAY_MS } });
  expect(codes(leftDays(15))).toEqual([]);
  expect(codes(leftDays(13))).toEqual(["warning certificate"]);
  expect(codes(leftDays(2))).toEqual(["error certificate"]);
  expect(only(leftDays(0.5)).message).toContain("within 12 hours");
  expect(only(leftDays(-1)).message).toContain("has expired");
});

test("warningsOf() warns of a wrong clock and says which way", () => {
  expect(codes({ clockOffsetMs: 1900 })).toEqual([]);
  expect(codes({ clockOffsetMs: 45_000 })).toEqual(["error clock"]);
  expect(only({ clockOffsetMs: -3500 })).toMatchObject({ level: "warning", code: "clock" });
  expect(only({ clockOffsetMs: -3500 }).message).toContain("3.5 s behind");
});

test("warningsOf() tells of a newer version only", () => {
  const release = (version: string) => ({ release: { version, notes: "", binaries: {} } });
  expect(codes(release("0.4.0"))).toEqual([]);
  expect(codes(release("0.3.9"))).toEqual([]);
  expect(codes(release("0.10.0"))).toEqual(["info update-available"]);
});

test("warningsOf() puts the gravest first, and each fits the schema", () => {
  const all = warningsOf({
    ...WELL,
    release: { version: "1.0.0", notes: "", binaries: {} },
    load: { ...WELL.load, freeMemoryBytes: 1 },
    certificate: { expiresAtMs: NOW_MS - 1 },
    standing: reported,
  });
  expect(all.map(({ level }) => level)).toEqual(["error", "warning", "warning", "info"]);
  for (const warning of all) expect(warningSchema.parse(warning)).toEqual(warning);
});
