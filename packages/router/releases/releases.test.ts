import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, rename, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { openReleases } from "./releases.ts";

const PROGRAM = "a program for Linux";
const CONTROL_URL = "https://router.example.com/control";

let directory: string;
let clock: FakeClock;
let controlUrl: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "neson-releases-"));
  clock = new FakeClock();
  controlUrl = CONTROL_URL;
});

afterEach(() => rm(directory, { recursive: true }));

function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function binaryOf(content: string, file = "neson-linux-x64") {
  return { file, bytes: content.length, sha256: sha256Of(content) };
}

/** Writes a sound release, changed by `change`. */
async function write(change: Record<string, unknown> = {}, stagePercent: unknown = 100): Promise<void> {
  await Bun.write(join(directory, "neson-linux-x64"), PROGRAM);
  const release = { version: "1.2.3", notes: "What is new", binaries: { "linux-x64": binaryOf(PROGRAM) }, ...change };
  await Bun.write(join(directory, "release.json"), JSON.stringify({ release, stagePercent }));
}

function open(place: string | undefined = directory) {
  return openReleases(place, { controlUrl: () => controlUrl, clock, log: silentLog });
}

type Opened = Awaited<ReturnType<typeof open>>;

function ask(releases: Opened, path: string, init: RequestInit = {}): Response {
  const answer = releases.answer(new Request(`http://attacker.example${path}`, init), path);
  if (answer === undefined) throw new Error(`${path} is not answered`);
  return answer;
}

/** Lets a changed directory be noticed, and waits until what was found about it shows. */
async function noticed(releases: Opened, isDone: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 5000;
  do {
    clock.advance(1000);
    releases.current();
    await Bun.sleep(5);
  } while (!isDone() && performance.now() < giveUpAt);
  expect(isDone()).toBe(true);
}

test("openReleases() announces a newer version to those whose turn it is", async () => {
  await write();
  const releases = await open();
  expect(releases.current()).toMatchObject({ stagePercent: 100, release: { version: "1.2.3" } });
  expect(releases.forTerminal("terminal", "1.2.2")?.version).toBe("1.2.3");
  expect(releases.forTerminal("terminal", "1.2.3")).toBeUndefined();
  expect(releases.forTerminal("terminal", "1.3.0-rc.1")).toBeUndefined();
  expect(releases.forTerminal("terminal", "my own build")).toBeUndefined();
  await write({}, 0);
  expect((await open()).forTerminal("terminal", "1.2.2")).toBeUndefined();
});

test.each<[string, () => Promise<unknown>, string]>([
  ["no release.json", () => rm(join(directory, "release.json")), "found no such file"],
  ["text that is not JSON", () => Bun.write(join(directory, "release.json"), "{"), "not JSON"],
  ["a file too large to be one", () => Bun.write(join(directory, "release.json"), " ".repeat(70_000)), "64 KiB"],
  ["a version that is none", () => write({ version: "latest" }), 'release.version: found "latest"'],
  ["a stage above 100", () => write({}, 101), "stagePercent: found 101"],
  ["no binaries", () => write({ binaries: {} }), "found no binaries"],
  ["a path out of the directory", () => write({ binaries: { "linux-x64": binaryOf(PROGRAM, "../x") } }), '"../x"'],
  [
    "one file for two platforms",
    () => write({ binaries: { "linux-x64": binaryOf(PROGRAM), "linux-arm64": binaryOf(PROGRAM) } }),
    "two binaries in the file",
  ],
  ["a missing program", () => rm(join(directory, "neson-linux-x64")), "neson-linux-x64: found no such file"],
  ["a program of another size", () => Bun.write(join(directory, "neson-linux-x64"), `${PROGRAM}!`), "found 20 bytes"],
  [
    "a program of other content",
    () => Bun.write(join(directory, "neson-linux-x64"), PROGRAM.toUpperCase()),
    "found SHA-256",
  ],
])("openReleases() refuses %s", async (_what, damage, reason) => {
  await write();
  await damage();
  const refused = await open().catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "releases-unusable", fault: "operator" });
  expect(String(refused)).toContain(`option --releases: found ${directory}, allowed: a directory made by`);
  expect(String(refused)).toContain(reason);
});

test("current() follows a new release, and offers nothing whose files changed until they were read again", async () => {
  await write();
  const releases = await open();
  const first = releases.current();
  clock.advance(1000);
  expect(releases.current()).toBe(first);

  await write({ version: "1.2.4" }, 50);
  await noticed(releases, () => releases.current()?.release.version === "1.2.4");
  expect(releases.current()?.stagePercent).toBe(50);

  await Bun.write(join(directory, "neson-linux-x64"), "tampered with on disk");
  clock.advance(1000);
  expect(releases.current()).toBeUndefined();
  expect(releases.forTerminal("terminal", "1.0.0")).toBeUndefined();
  const refused = ask(releases, "/download/neson-linux-x64");
  expect([refused.status, refused.headers.get("Retry-After")]).toEqual([503, "60"]);

  await Bun.write(join(directory, "neson-linux-x64"), PROGRAM);
  await noticed(releases, () => releases.current() !== undefined);
  expect(await ask(releases, "/download/neson-linux-x64").text()).toBe(PROGRAM);
});

test("current() reads a file of the same size again when its time or its place on the disk changed", async () => {
  await write();
  const path = join(directory, "neson-linux-x64");
  const at = new Date(1_700_000_000_000);
  await utimes(path, at, at);
  const releases = await open();
  await Bun.write(join(directory, "other"), PROGRAM.toUpperCase());
  await utimes(join(directory, "other"), at, at);
  await rename(join(directory, "other"), path);
  clock.advance(1000);
  expect(releases.current()).toBeUndefined();
});

test("answer() gives programs, their checksums and the release, to GET and HEAD", async () => {
  await write();
  const releases = await open();
  const program = ask(releases, "/download/neson-linux-x64");
  expect(await program.text()).toBe(PROGRAM);
  expect(Object.fromEntries(program.headers)).toMatchObject({
    "content-type": "application/octet-stream",
    "content-disposition": 'attachment; filename="neson-linux-x64"',
    "cache-control": "no-cache",
    etag: `"${sha256Of(PROGRAM)}"`,
    "x-content-type-options": "nosniff",
  });
  expect(await ask(releases, "/download/SHA256SUMS").text()).toBe(`${sha256Of(PROGRAM)}  neson-linux-x64\n`);
  expect(await ask(releases, "/download/release.json").json()).toEqual({
    release: { version: "1.2.3", notes: "What is new", binaries: { "linux-x64": binaryOf(PROGRAM) } },
    stagePercent: 100,
  });
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => releases.answer(request, new URL(request.url).pathname) ?? new Response("", { status: 404 }),
  });
  const head = await fetch(new URL("/download/neson-linux-x64", server.url), { method: "HEAD" });
  expect([head.status, head.headers.get("Content-Length"), await head.text()]).toEqual([200, "19", ""]);
});

test("answer() says 304 to who has the file, 404 with the names there are, 405 to what writes", async () => {
  await write();
  const releases = await open();
  const etag = `W/"${sha256Of(PROGRAM)}"`;
  const known = ask(releases, "/download/neson-linux-x64", { headers: { "If-None-Match": `"x", ${etag}` } });
  expect([known.status, await known.text()]).toEqual([304, ""]);
  expect(ask(releases, "/download/neson-linux-x64", { headers: { "If-None-Match": '"x"' } }).status).toBe(200);
  for (const name of ["neson-windows-x64.exe", "..%2frouter.key", "", "master.key", "neson-linux-x64/"]) {
    const missing = ask(releases, `/download/${name}`);
    expect([name, missing.status, missing.headers.get("Cache-Control")]).toEqual([name, 404, "no-store"]);
    expect(await missing.text()).toContain("there are: neson-linux-x64, SHA256SUMS, release.json");
  }
  const written = ask(releases, "/install.sh", { method: "POST", body: "x" });
  expect([written.status, written.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
  expect(releases.answer(new Request("http://x/v1/terminal"), "/v1/terminal")).toBeUndefined();
  expect(releases.answer(new Request("http://x/install.sh.bak"), "/install.sh.bak")).toBeUndefined();
});

test.each(["/install.sh", "/install.ps1"])(
  "answer() puts the Router's own URL into %s, whatever the Host",
  async (path) => {
    await write();
    const releases = await open();
    const answer = ask(releases, path, { headers: { Host: "attacker.example" } });
    expect(answer.headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
    const script = await answer.text();
    expect(script).toContain(`'${CONTROL_URL}'`);
    expect(script).not.toContain("attacker");
    expect(script).not.toContain("@ROUTER_URL@");
    controlUrl = "http://[2001:db8::1]:8081/";
    expect(await ask(releases, path).text()).toContain("'http://[2001:db8::1]:8081'");
    for (const unsafe of ["http://x/'; id; '", "http://x/$(id)", "http://x/`id`", "http://x/a b", 'http://x/"', ""]) {
      controlUrl = unsafe;
      const refused = ask(releases, path);
      expect([unsafe, refused.status]).toEqual([unsafe, 503]);
      expect(await refused.text()).toContain("--control-url");
    }
  },
);

test("answer() without a directory says 404 and why", async () => {
  const releases = await openReleases(undefined, { controlUrl: () => controlUrl, clock, log: silentLog });
  expect(releases.current()).toBeUndefined();
  expect(releases.forTerminal("terminal", "0.0.1")).toBeUndefined();
  for (const path of ["/install.sh", "/install.ps1", "/download/SHA256SUMS"]) {
    const answer = ask(releases, path);
    expect([path, answer.status]).toEqual([path, 404]);
    expect(await answer.text()).toContain("--releases");
  }
});
