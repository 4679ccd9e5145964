import { expect } from "bun:test";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "../e2e/network.ts";
import { noise } from "../e2e/origin.ts";
import type { Visit } from "./download.ts";
import { faultTest } from "./fault-test.ts";
import { startLoad, summarise } from "./load.ts";

/** What a Terminal leaves free is 64 MiB of these. */
const DISK_BYTES = 80 * 2 ** 20;
const DOWNLOADS = 150;

faultTest(
  "a Terminal whose disk is full serves what it has, takes nothing new, and takes it once there is room",
  { path: import.meta.path, timeoutMs: 60_000, mounts: true },
  async (stage) => {
    // In a mount namespace of its own, so that the disk goes with the process.
    const disk = join(stage.directory, "disk");
    await mkdir(disk);
    const mount = `mount -t tmpfs -o size=${DISK_BYTES} tmpfs '${disk}' && exec "$0" "$@"`;
    const prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount];
    const terminals = await stage.startAll({ prefix, dataDir: join(disk, "terminal") });
    const [victim] = terminals;
    const ballast = join(`/proc/${victim.pid}/root`, disk, "ballast");
    let visits: Visit[];
    {
      await using load = startLoad(stage);
      visits = load.visits;
      await load.allServe(terminals, 5);

      await fill(ballast);
      await until("the Router to know", async () => (await stage.seen(victim.terminalId))?.remainingBytes === 0);
      expect(victim.running.output).toContain('"fault":"disk-full"');
      const before = visits.length;
      const servedBefore = load.sentTo(victim);
      const fresh = await stage.publish("/fresh.mp4", 150_000);
      stage.files.set("/fresh.mp4", fresh.bytes);
      await until("downloads with a full disk", () => visits.length - before >= DOWNLOADS);
      expect(load.sentTo(victim)).toBeGreaterThan(servedBefore);
      expect((await stage.seen(victim.terminalId))?.storedObjects).toBe(stage.files.size - 1);

      await rm(ballast);
      await until("it to serve the new file too", () => {
        return load.visits.some(({ target, attempts }) => {
          return (
            target === "/fresh.mp4" &&
            attempts.some(({ at, problem }) => at === victim.endpoint && problem === undefined)
          );
        });
      });
    }
    const summary = summarise("a full disk", visits, stage, victim);
    expect(summary).toMatchObject({ wrong: 0, failed: [], troubleElsewhere: [] });
    expect(summary.vainTries).toBe(0);
    // Claims are written to disk before they are sent: those made while it was full are not lost.
    const served = visits.filter(({ attempts }) => attempts.some(({ at }) => at === victim.endpoint));
    const bytes = served.reduce((sum, { target }) => sum + (stage.files.get(target)?.length ?? 0), 0);
    await until("it to be paid for all", async () => (await stage.seen(victim.terminalId))?.paidBytes === bytes);
  },
);

/** Writes until nothing more can be written. */
async function fill(path: string): Promise<void> {
  const block = noise(2 ** 20, 1);
  try {
    for (;;) await writeFile(path, block, { flag: "a" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}
