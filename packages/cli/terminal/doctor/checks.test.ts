import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmod, mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { NesonError } from "@neson/kit/error";
import { temporaryDirectory } from "@neson/terminal/testing/temporary";
import { checkDataDirectory } from "./data-directory.ts";
import { checkDiskSpeed, checkSpace, storedBytes } from "./disk.ts";
import { checkPort } from "./port.ts";
import { checkLink, checkReachable, nominalLink } from "./reach.ts";
import { askRouter, checkClock, checkRouter } from "./router.ts";
import { checkVersion } from "./version.ts";

const GIB = 2 ** 30;
const MIB = 2 ** 20;

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => directory[Symbol.dispose]());

test("checkDataDirectory() takes one that is this user's alone, and one that can be made", async () => {
  expect(await checkDataDirectory(directory.path)).toEqual({
    name: "data directory",
    state: "ok",
    text: directory.path,
  });
  expect(await checkDataDirectory(join(directory.path, "a/b"))).toMatchObject({ state: "ok" });
});

test("checkDataDirectory() says what others may read, and how to end that", async () => {
  await chmod(directory.path, 0o755);
  expect(await checkDataDirectory(directory.path)).toMatchObject({
    state: "warn",
    text: expect.stringContaining("mode 0755"),
    remedy: `chmod 700 "${directory.path}"`,
  });
  await Bun.write(join(directory.path, "identity.key"), "x");
  await chmod(join(directory.path, "identity.key"), 0o644);
  expect(await checkDataDirectory(directory.path)).toMatchObject({
    state: "fail",
    remedy: expect.stringContaining("chmod 600"),
  });
});

test("checkDataDirectory() refuses a file, and a place below one", async () => {
  const file = join(directory.path, "file");
  await Bun.write(file, "x");
  expect(await checkDataDirectory(file)).toMatchObject({ state: "fail", text: `${file} is no directory` });
  expect(await checkDataDirectory(join(file, "data"))).toMatchObject({ state: "fail" });
});

// Root may write anywhere: there is nothing to find then.
if (process.getuid?.() !== 0) {
  test("checkDataDirectory() refuses one that cannot be written", async () => {
    const data = join(directory.path, "data");
    await mkdir(data);
    await chmod(data, 0o500);
    expect(await checkDataDirectory(data)).toMatchObject({ state: "fail", text: `${data} cannot be written` });
  });
}

test.each([
  [{ quotaBytes: 10 * GIB, usedBytes: 2 * GIB, freeBytes: 8 * GIB }, "ok"],
  [{ quotaBytes: 10 * GIB, usedBytes: 2 * GIB, freeBytes: 7 * GIB }, "warn"],
  [{ quotaBytes: 10 * GIB, usedBytes: 0, freeBytes: 500 * MIB }, "fail"],
  [{ quotaBytes: 100 * MIB, usedBytes: 0, freeBytes: 500 * MIB }, "ok"],
] as const)("checkSpace(%j) is %s", (room, state) => {
  expect(checkSpace(room).state).toBe(state);
});

test.each([
  [500, 400, "ok"],
  [500, 30, "warn"],
  [3, 400, "fail"],
] as const)("checkDiskSpeed() of %d MiB/s read and %d MiB/s written is %s", async (read, write, state) => {
  const speed = { readBytesPerSecond: read * MIB, writeBytesPerSecond: write * MIB };
  expect(await checkDiskSpeed(async () => speed)).toMatchObject({
    state,
    text: expect.stringContaining(`${read} MiB/s`),
  });
});

test("checkDiskSpeed() says why there is no speed", async () => {
  const failing = () => Promise.reject(new Error("EROFS"));
  expect(await checkDiskSpeed(failing)).toMatchObject({ state: "fail", text: expect.stringContaining("EROFS") });
});

test("storedBytes() is 0 without an index, and for a damaged one", async () => {
  expect(storedBytes(directory.path)).toBe(0);
  await Bun.write(join(directory.path, "index.sqlite"), "this is no database");
  expect(storedBytes(directory.path)).toBe(0);
});

test.each([
  [0, "ok"],
  [4000, "ok"],
  [-7000, "warn"],
  [29_000, "warn"],
  [-31_000, "fail"],
] as const)("checkClock() of %d ms is %s", (clockAheadMs, state) => {
  const finding = checkClock({ tookMs: 1, clockAheadMs });
  expect(finding.state).toBe(state);
  if (state !== "ok") expect(finding.text).toContain(clockAheadMs > 0 ? "ahead of" : "behind");
});

test("askRouter() compares the clock with the answer's date", async () => {
  const nowMs = Date.UTC(2026, 10, 22, 12, 0, 40);
  const clock = { nowMs: () => nowMs, sleep: async () => {} };
  const dated = async () => new Response("", { status: 404, headers: { Date: "Sun, 22 Nov 2026 12:00:00 GMT" } });
  expect(await askRouter("http://r.example", { fetch: dated, clock })).toEqual({ tookMs: 0, clockAheadMs: 39_500 });
  const plain = async () => new Response("");
  const answer = await askRouter("http://r.example", { fetch: plain, clock });
  expect(checkClock(answer)).toMatchObject({ state: "skipped", text: "the Router's answer has no date" });
  expect(checkRouter("http://r.example", answer).state).toBe("ok");
});

test("checkRouter() and checkClock() say that nobody answers", async () => {
  const clock = { nowMs: () => 0, sleep: async () => {} };
  const silent = () => Promise.reject(new Error("connection refused"));
  const answer = await askRouter("http://r.example", { fetch: silent, clock });
  expect(checkRouter("http://r.example", answer)).toMatchObject({
    state: "fail",
    text: "http://r.example does not answer (connection refused)",
  });
  expect(checkClock(answer).state).toBe("skipped");
});

test("checkPort() tells a free port, one of the running Terminal, and one of somebody else", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const place = { listenHost: "127.0.0.1", listenPort: (server.address() as AddressInfo).port };
  expect(await checkPort(place, false)).toMatchObject({
    state: "fail",
    remedy: expect.stringContaining("--listen-port"),
  });
  expect((await checkPort(place, true)).state).toBe("ok");
  await new Promise((resolve) => server.close(resolve));
  expect(await checkPort(place, false)).toMatchObject({ state: "ok", text: expect.stringContaining("is free") });
  expect((await checkPort({ ...place, listenPort: 0 }, false)).state).toBe("ok");
});

test("checkReachable() gives the Router's reason and the remedy for it", () => {
  const endpoint = "http://t.example:8090";
  expect(checkReachable(endpoint, { isConnected: true }).state).toBe("ok");
  const lastRefusal = { code: "unreachable-endpoint", message: "no answer" };
  expect(checkReachable(endpoint, { isConnected: false, lastRefusal })).toEqual({
    name: "reachability",
    state: "fail",
    text: `the Router did not let it in at ${endpoint}: no answer (unreachable-endpoint)`,
    remedy: expect.stringContaining("firewall"),
  });
  expect(checkReachable(endpoint, { isConnected: false })).toMatchObject({ state: "fail", remedy: expect.any(String) });
});

test("checkLink() and nominalLink() take what was not measured for no fault", () => {
  const speed = { downBytesPerSecond: 12 * MIB, upBytesPerSecond: 3 * MIB, atMs: 1 };
  expect(checkLink({ speed })).toMatchObject({ state: "ok", text: "from the Router 12 MiB/s, to it 3 MiB/s" });
  expect(checkLink({ reason: "not now" })).toMatchObject({ state: "skipped", text: "not now" });
  expect(nominalLink(2.5e9).text).toContain("2.5 Gbit/s");
  expect(nominalLink(undefined).text).not.toContain("interface");
});

test("checkVersion() tells a newer release, a Terminal that still runs the old one, and a Router without releases", async () => {
  const release = { version: "1.1.0", notes: "", binaries: {} };
  const found = { release, routerUrl: "http://r.example", runningVersion: undefined };
  expect(await checkVersion("1.0.0", async () => found)).toMatchObject({
    state: "warn",
    remedy: "neson terminal update",
  });
  expect((await checkVersion("1.1.0", async () => found)).state).toBe("ok");
  expect(await checkVersion("1.1.0", async () => ({ ...found, runningVersion: "1.0.0" }))).toMatchObject({
    state: "warn",
  });
  const none = () => Promise.reject(new NesonError("no-release", "long text", { fault: "operator" }));
  expect(await checkVersion("1.0.0", none)).toMatchObject({
    state: "skipped",
    text: "1.0.0; the Router gives out no releases",
  });
});
