import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRelease } from "./find-release.ts";
import { platformOf } from "./own-program.ts";
import { replaceProgram } from "./replace-program.ts";
import { restartAdvice } from "./restart-advice.ts";
import { type UpdateDeps, updateProgram } from "./update-program.ts";

const ROUTER = "http://router.example:8081";
const OLD = "the old program";
const NEW = "the new program";

let directory: string;
let program: string;
let said: string[];
/** Answers by URL; what is not here is a server that does not run. */
let web: Map<string, () => Response>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "neson-update-"));
  program = join(directory, "neson");
  await Bun.write(program, OLD);
  said = [];
  web = new Map([
    [`${ROUTER}/download/release.json`, () => Response.json({ release: releaseOf(), stagePercent: 100 })],
    [`${ROUTER}/download/neson-linux-x64`, () => new Response(NEW)],
  ]);
});

afterEach(() => rm(directory, { recursive: true }));

function releaseOf(change: object = {}) {
  const sha256 = createHash("sha256").update(NEW).digest("hex");
  return {
    version: "1.1.0",
    notes: "- Faster.\n- \u001b[2JKinder.",
    binaries: { "linux-x64": { file: "neson-linux-x64", bytes: NEW.length, sha256, ...change } },
  };
}

async function fetchFrom(url: string): Promise<Response> {
  const answer = web.get(url);
  if (answer === undefined) throw new Error(`nobody listens at ${url}`);
  return answer();
}

function depsOf(change: Partial<UpdateDeps> = {}): UpdateDeps {
  return {
    own: { path: program, version: "1.0.0", isBuilt: true, platform: "linux-x64" },
    fetch: fetchFrom,
    say: (line) => void said.push(line),
    agrees: async () => true,
    versionOf: async () => "1.1.0\n",
    restartAdvice: () => "start it again",
    ...change,
  };
}

function update(change: Partial<UpdateDeps> = {}): Promise<void> {
  return updateProgram({ dataDir: directory, routerUrl: ROUTER }, depsOf(change));
}

/** Puts a running Terminal's panel where the command looks for it. */
async function runTerminal(status: object): Promise<void> {
  const panel = "http://127.0.0.1:8092";
  await Bun.write(join(directory, "panel.json"), JSON.stringify({ url: panel, token: "secret" }));
  const identity = {
    terminalId: "ab",
    endpoint: "http://t.example",
    version: "1.0.0",
    dataDir: directory,
    routerUrl: "http://pinned.example",
    startedAtMs: 1,
  };
  web.set(`${panel}/api/status`, () => Response.json({ identity, ...status }));
}

async function untouched(): Promise<void> {
  expect(await readFile(program, "utf8")).toBe(OLD);
  expect((await readdir(directory)).filter((name) => name !== "panel.json")).toEqual(["neson"]);
}

test("updateProgram() replaces the program, keeps the old one, and says what to do", async () => {
  await update();
  expect(await readFile(program, "utf8")).toBe(NEW);
  expect(await readFile(`${program}.previous`, "utf8")).toBe(OLD);
  expect((await stat(program)).mode & 0o777).toBe(0o755);
  expect((await readdir(directory)).sort()).toEqual(["neson", "neson.previous"]);
  expect(said).toEqual([
    "  - Faster.",
    "  - [2JKinder.",
    `version 1.1.0 is installed; 1.0.0 is kept as ${program}.previous`,
    "to let it run: start it again",
  ]);
});

test("updateProgram() asks first, with version, size and place, and downloads nothing on a no", async () => {
  web.delete(`${ROUTER}/download/neson-linux-x64`);
  const questions: string[] = [];
  await update({ agrees: async (question) => questions.push(question) < 0 });
  expect(questions).toEqual([`Replace version 1.0.0 by 1.1.0 (1 MB from ${ROUTER})?`]);
  expect(said.at(-1)).toBe("nothing was changed");
  await untouched();
});

test("updateProgram() takes what the Router announced to the running Terminal, from that Router", async () => {
  await runTerminal({ release: releaseOf() });
  web.set("http://pinned.example/download/neson-linux-x64", () => new Response(NEW));
  web.delete(`${ROUTER}/download/neson-linux-x64`);
  await update();
  expect(await readFile(program, "utf8")).toBe(NEW);
});

test("updateProgram() leaves a Terminal alone that was told of nothing, whatever the Router has", async () => {
  await runTerminal({});
  await update();
  expect(said).toEqual(["the Router has announced no version to this Terminal; 1.0.0 stays"]);
  await untouched();
});

test("updateProgram() says when only the restart is missing, and when there is nothing newer", async () => {
  await update({ own: { ...depsOf().own, version: "1.1.0" } });
  expect(said).toEqual(["this program is version 1.1.0, and no newer one is announced"]);
  await runTerminal({ release: releaseOf() });
  await update({ own: { ...depsOf().own, version: "1.1.0" } });
  expect(said.at(-1)).toBe("the Terminal that runs is still 1.0.0; to let it run this one: start it again");
  await untouched();
});

test.each<[string, Partial<UpdateDeps>, string, string]>([
  [
    "runs from source",
    { own: { path: "/x/bun", version: "1.0.0", isBuilt: false, platform: "linux-x64" } },
    "runs-from-source",
    "git pull",
  ],
  [
    "there is no build for the machine",
    { own: { path: "/x/neson", version: "1.0.0", isBuilt: true, platform: undefined } },
    "no-such-build",
    "there are: linux-x64",
  ],
  ["the new program says another version", { versionOf: async () => "6.6.6" }, "wrong-program", "found 6.6.6"],
  [
    "the new program does not start",
    { versionOf: () => Promise.reject(new Error("exit code 132")) },
    "wrong-program",
    "exit code 132",
  ],
])("updateProgram() changes nothing when %s", async (_what, change, code, reason) => {
  const refused = await update(change).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code, fault: "operator" });
  expect(String(refused)).toContain(reason);
  await untouched();
});

test.each<[string, () => Response, string]>([
  ["has other content", () => new Response(NEW.toUpperCase()), "wrong-program"],
  ["is cut short", () => new Response(NEW.slice(1)), "wrong-program"],
  ["does not end", () => new Response(endless()), "wrong-program"],
  ["is refused", () => new Response(NEW, { status: 404 }), "download-failed"],
  [
    "breaks off",
    () => {
      const body = new ReadableStream({ pull: (controller) => controller.error(new Error("connection reset")) });
      return new Response(body);
    },
    "download-failed",
  ],
])("updateProgram() changes nothing when the download %s", async (_what, answer, code) => {
  web.set(`${ROUTER}/download/neson-linux-x64`, answer);
  expect(await update().catch((error: unknown) => error)).toMatchObject({ code, fault: "operator" });
  await untouched();
});

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1024)) });
}

test("updateProgram() names a place that it cannot write", async () => {
  const missing = join(directory, "gone", "neson");
  const refused = await update({ own: { ...depsOf().own, path: missing } }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "program-unwritable", fault: "operator" });
  expect(String(refused)).toContain(`writing ${missing}.new failed`);
  await untouched();
});

test.each<[string, () => Response]>([
  ["no JSON", () => new Response("<html>")],
  ["no release", () => Response.json({ release: {} })],
  ["a release with a path for a file", () => Response.json({ release: releaseOf({ file: "../x" }), stagePercent: 1 })],
  ["far too much", () => new Response(endless())],
  ["a refusal", () => new Response("this Router gives out no releases\u001b[2J", { status: 404 })],
])("findRelease() refuses a Router that answers with %s", async (_what, answer) => {
  web.set(`${ROUTER}/download/release.json`, answer);
  const refused = await findRelease({ dataDir: directory, routerUrl: ROUTER }, fetchFrom).catch((error) => error);
  expect(["bad-answer", "no-release"]).toContain(refused.code);
  expect(refused.message).not.toContain("\u001b");
});

test("findRelease() names a Router that does not run, and ignores the panel of a Terminal that was killed", async () => {
  await runTerminal({});
  web.delete("http://127.0.0.1:8092/api/status");
  expect(await findRelease({ dataDir: directory, routerUrl: ROUTER }, fetchFrom)).toMatchObject({
    routerUrl: ROUTER,
    release: { version: "1.1.0" },
  });
  web.clear();
  const silent = await findRelease({ dataDir: directory, routerUrl: ROUTER }, fetchFrom).catch((error) => error);
  expect(silent).toMatchObject({ code: "router-silent", fault: "operator" });
});

test.each([true, false])(
  "replaceProgram() puts the old program back when the new one is missing (Windows: %p)",
  async (onWindows) => {
    const failed = await replaceProgram(program, join(directory, "none"), onWindows).catch((error) => error);
    expect(failed).toMatchObject({ code: "program-not-replaced" });
    expect(await readFile(program, "utf8")).toBe(OLD);
  },
);

test("replaceProgram() renames twice on Windows, over what an earlier update kept", async () => {
  await Bun.write(`${program}.new`, NEW);
  await Bun.write(`${program}.previous`, "the one before");
  await replaceProgram(program, `${program}.new`, true);
  expect(await readFile(program, "utf8")).toBe(NEW);
  expect(await readFile(`${program}.previous`, "utf8")).toBe(OLD);
});

test("platformOf() names the build for a machine as Node names it", () => {
  expect([platformOf("linux", "x64"), platformOf("linux", "arm64"), platformOf("win32", "x64")]).toEqual([
    "linux-x64",
    "linux-arm64",
    "windows-x64",
  ]);
  expect([platformOf("darwin", "arm64"), platformOf("darwin", "x64"), platformOf("linux", "riscv64")]).toEqual([
    "darwin-arm64",
    undefined,
    undefined,
  ]);
});

test("restartAdvice() names the unit by which the Terminal was installed", async () => {
  const places = { systemUnits: join(directory, "system"), home: join(directory, "home"), onWindows: false };
  const own = join(places.home, ".local/bin/neson");
  expect(restartAdvice(own, places)).toContain("stop the Terminal");
  await Bun.write(join(places.home, ".config/systemd/user/neson-terminal.service"), "");
  expect(restartAdvice(own, places)).toBe("systemctl --user restart neson-terminal.service");
  expect(restartAdvice("/usr/local/bin/neson", places)).toContain("stop the Terminal");
  await Bun.write(join(places.systemUnits, "neson-terminal.service"), "");
  expect(restartAdvice("/usr/local/bin/neson", places)).toBe("sudo systemctl restart neson-terminal.service");
  expect(restartAdvice(own, { ...places, onWindows: true })).toContain("neson.exe");
});
