import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmod, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { openAdminClient } from "../../packages/cli/admin-client.ts";
import { filesBelow, pathWith, readEnvironmentFile, runShell, unitValues } from "./install-places.ts";
import { ROOT, Running, start, temporaryDirectory, until } from "./network.ts";
import { noise, startOrigin, type TestOrigin } from "./origin.ts";

const isLinuxX64 = process.platform === "linux" && process.arch === "x64";
const PROGRAM = "neson-linux-x64";
const FRESH = ["Content-Type", "video/mp4", "Cache-Control", "public, max-age=600"];

const parts = new AsyncDisposableStack();
let directory: string;
let dist: string;
let home: string;
let origin: TestOrigin;
let router: { url: string; controlUrl: string };
let fetchScript: string;
/** A PATH without systemd: a real one would be told of what is installed here. */
let path: string;

// One build and one Router for the whole file, as an operator begins: npm run build, then neson router run --releases dist.
beforeAll(async () => {
  if (!isLinuxX64) return;
  directory = parts.use(await temporaryDirectory()).path;
  home = join(directory, "home");
  dist = join(directory, "dist");
  await Bun.write(join(home, ".profile"), "# was here before\n");
  path = await pathWith(join(directory, "commands"));
  const build = Bun.spawn([process.execPath, "tools/build.ts", "--only", "linux-x64", "--out", dist], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "inherit"],
  });
  expect(await build.exited).toBe(0);
  origin = parts.use(await startOrigin());
  const data = join(directory, "router");
  const ports = ["--listen-port", "0", "--control-port", "0", "--allow-private-terminals"];
  const running = parts.use(
    start(["router", "run", "--data", data, ...ports, "--releases", dist], join(directory, "router.json")),
  );
  router = await running.ready();
  const admin = await openAdminClient(data);
  await admin.putSite({ name: "site", hosts: ["127.0.0.1"], origin: origin.url, allowPrivateOrigin: true });
  const fetcher = Bun.which("curl") === null ? "wget -q -O -" : "curl -fsSL";
  fetchScript = `${fetcher} ${router.controlUrl}/install.sh`;
}, 120_000);

afterAll(() => parts.disposeAsync(), 30_000);

function installed(...names: string[]): string {
  return join(home, ...names);
}

/** The installed Terminal, run with the command and the settings of its unit. */
async function runUnit(): Promise<Running> {
  const unit = installed(".config/systemd/user/neson-terminal.service");
  const [command = ""] = await unitValues(unit, "ExecStart", home);
  const [settings = ""] = await unitValues(unit, "EnvironmentFile", home);
  const values = Object.entries(await readEnvironmentFile(settings)).map(([name, value]) => `${name}=${value}`);
  const readyFile = join(directory, "terminal.json");
  return new Running(["env", ...values, ...command.split(" "), "--ready-file", readyFile], readyFile);
}

test.skipIf(!isLinuxX64)(
  "one command installs a Terminal, which joins and serves verified bytes",
  async () => {
    const flags = "--user --yes --no-start --quota 1GiB --listen-host 127.0.0.2 --listen-port 0 --panel-port 0";
    const run = await runShell(`${fetchScript} | sh -s -- ${flags}`, { home, path });
    expect(run).toMatchObject({ code: 0, stdout: "" });
    expect(run.stderr).toMatch(/nothing was started. To run the Terminal:\n.*terminal run'\n$/);
    expect(await filesBelow(home)).toEqual([
      ".config/neson/terminal.env",
      ".config/systemd/user/neson-terminal.service",
      ".local/bin/neson",
      ".profile",
    ]);
    await using terminal = await runUnit();
    const facts = await terminal.ready<{ url: string; terminalId: string }>();
    const bytes = noise(3_000_000, 1);
    origin.files.set("/film.mp4", { bytes, headers: FRESH });
    const answer = await until("a Terminal answers", async () => {
      const found = await fetch(`${router.url}/film.mp4`);
      const body = Buffer.from(await found.arrayBuffer());
      return new URL(found.url).origin === facts.url ? { found, body } : undefined;
    });
    expect(answer.found.status).toBe(200);
    expect(Buffer.compare(answer.body, bytes)).toBe(0);
  },
  60_000,
);

test.skipIf(!isLinuxX64)(
  "running it again updates the program and keeps settings, key and objects",
  async () => {
    const before = await readFile(installed(".config/neson/terminal.env"), "utf8");
    const run = await runShell(`${fetchScript} | sh -s -- --user --yes --no-start`, { home, path });
    expect(run.code).toBe(0);
    expect(await readFile(installed(".config/neson/terminal.env"), "utf8")).toBe(before);
    // The program was the same: nothing is kept as the previous one.
    expect(await filesBelow(installed(".local/bin"))).toEqual(["neson"]);
    expect(await filesBelow(installed(".local/share/neson/terminal"))).toContain("identity.key");
  },
  30_000,
);

/** Runs the installed program's own update. */
function update(...flags: string[]) {
  const data = installed(".local/share/neson/terminal");
  const command = [installed(".local/bin/neson"), "terminal", "update", "--data", data, "--router", router.controlUrl];
  return runShell([...command, ...flags].join(" "), { home, path });
}

/** Puts another release into the Router's directory, with the program altered by `change`. */
async function publish(version: string, change: (program: Buffer) => void): Promise<{ sha256: string }> {
  const content = JSON.parse(await readFile(join(dist, "release.json"), "utf8"));
  const program = await readFile(join(dist, PROGRAM));
  change(program);
  const sha256 = createHash("sha256").update(program).digest("hex");
  await Bun.write(join(dist, "next"), program);
  await chmod(join(dist, "next"), 0o755);
  await rename(join(dist, "next"), join(dist, PROGRAM));
  content.release.version = version;
  content.release.binaries["linux-x64"].sha256 = sha256;
  await Bun.write(join(dist, "release.json"), JSON.stringify(content));
  await until("the Router offers it", async () => {
    const answer = await fetch(`${router.controlUrl}/download/release.json`);
    return answer.ok && ((await answer.json()) as { release: { version: string } }).release.version === version;
  });
  return { sha256 };
}

async function sha256OfFile(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

const CURRENT = JSON.parse(await readFile(join(ROOT, "packages/cli/package.json"), "utf8")).version as string;
/** Another version of the same length, so that it can be written over the one inside the program. */
const NEXT = CURRENT.replace(/\d$/, "9");

test.skipIf(!isLinuxX64)(
  "neson terminal update replaces the program when its operator agrees, and only then",
  async () => {
    const program = installed(".local/bin/neson");
    const old = await sha256OfFile(program);
    expect(await update("--yes")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("no newer one is announced"),
    });

    const { sha256 } = await publish(NEXT, (bytes) => {
      let count = 0;
      for (let at = 0; ; count++) {
        at = bytes.indexOf(`version: "${CURRENT}"`, at + 1);
        if (at < 0) break;
        bytes.write(`version: "${NEXT}"`, at, "latin1");
      }
      expect(count).toBeGreaterThan(0);
    });
    const unasked = await update();
    expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining("--yes") });
    expect(await sha256OfFile(program)).toBe(old);

    const updated = await update("--yes");
    expect({ code: updated.code, stderr: updated.stderr }).toEqual({ code: 0, stderr: "" });
    expect(updated.stdout).toContain("systemctl --user restart neson-terminal.service");
    expect(await sha256OfFile(program)).toBe(sha256);
    expect(await sha256OfFile(`${program}.previous`)).toBe(old);
    expect((await runShell(`${program} --version`, { home, path })).stdout).toBe(`${NEXT}\n`);
    expect(await filesBelow(installed(".local/bin"))).toEqual(["neson", "neson.previous"]);

    await using terminal = await runUnit();
    await terminal.ready();
  },
  60_000,
);

test.skipIf(!isLinuxX64)(
  "neson terminal update refuses a program that does not say the announced version",
  async () => {
    const program = installed(".local/bin/neson");
    const old = await sha256OfFile(program);
    await publish("99.0.0", () => {});
    const refused = await update("--yes");
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("expected version 99.0.0") });
    expect(await sha256OfFile(program)).toBe(old);
    expect(await filesBelow(installed(".local/bin"))).toEqual(["neson", "neson.previous"]);
  },
  30_000,
);

test.skipIf(!isLinuxX64)(
  "uninstalling leaves nothing of it, and what was there before",
  async () => {
    const run = await runShell(`${fetchScript} | sh -s -- --user --uninstall --purge`, { home, path });
    expect(run).toMatchObject({ code: 0, stdout: "" });
    expect(await filesBelow(home)).toEqual([".profile"]);
  },
  30_000,
);
