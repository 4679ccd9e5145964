import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../packages/kit/clock.ts";
import { silentLog } from "../../packages/kit/log.ts";
import { openReleases } from "../../packages/router/releases/releases.ts";
import { filesBelow, pathWith, readEnvironmentFile, runShell, unitValues } from "./install-places.ts";
import { ROOT, temporaryDirectory } from "./network.ts";
import { sha256Of } from "./origin.ts";

// The script itself, with a small program in the place of the real one: install.test.ts goes the whole way.
const isUnix = process.platform === "linux";
const PROGRAM = '#!/bin/sh\n[ "$1" = --version ] && echo 1.2.3 || echo "$NESON_TERMINAL_DATA $*"\n';
const FLAGS = "--user --yes --listen-host 127.0.0.1";
const SETTINGS = ".config/neson/terminal.env";
const UNIT = ".config/systemd/user/neson-terminal.service";
const PLATFORMS = ["linux-x64", "linux-arm64"] as const;

/** For programs that only read; the script itself is run on a PATH of `pathWith`. */
const SYSTEM_PATH = process.env.PATH ?? "";

const parts = new AsyncDisposableStack();
let directory: string;
let script: string;
let path: string;
let url: string;
/** What the server gives in the place of a download's true content. */
const altered = new Map<string, (content: string) => string>();

beforeAll(async () => {
  directory = parts.use(await temporaryDirectory()).path;
  const dist = join(directory, "dist");
  const binary = { bytes: PROGRAM.length, sha256: sha256Of(Buffer.from(PROGRAM)) };
  const binaries = Object.fromEntries(PLATFORMS.map((name) => [name, { file: `neson-${name}`, ...binary }]));
  for (const name of PLATFORMS) await Bun.write(join(dist, `neson-${name}`), PROGRAM);
  const release = { version: "1.2.3", notes: "", binaries };
  await Bun.write(join(dist, "release.json"), JSON.stringify({ release, stagePercent: 100 }));
  const deps = { clock: systemClock, log: silentLog, controlUrl: () => url };
  const releases = await openReleases(dist, deps);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const target = new URL(request.url).pathname;
      const answer = releases.answer(request, target) ?? new Response("no", { status: 404 });
      const alter = altered.get(target);
      return alter === undefined ? answer : new Response(alter(await answer.text()));
    },
  });
  parts.defer(() => server.stop(true));
  url = `http://127.0.0.1:${server.port}`;
  script = join(directory, "install.sh");
  await Bun.write(script, await (await fetch(`${url}/install.sh`)).text());
  path = await pathWith(join(directory, "commands"));
});

afterAll(() => parts.disposeAsync());

/** A home directory of its own for one test. */
async function newHome(): Promise<string> {
  const home = join(directory, `home ${crypto.randomUUID().slice(0, 8)}`);
  await mkdir(home);
  return home;
}

/** Runs the script, as `curl … | sh -s -- FLAGS` does. */
function install(home: string, flags = FLAGS, options: { path?: string; env?: Record<string, string> } = {}) {
  return runShell(`sh -s -- ${flags} <'${script}'`, { home, path, ...options });
}

test.skipIf(!isUnix)(
  "installs into a home directory with a space in its name, for the Router that gave it out",
  async () => {
    const home = await newHome();
    const run = await install(home);
    expect({ ...run, stderr: "" }).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await filesBelow(home)).toEqual([SETTINGS, UNIT, ".local/bin/neson"]);
    expect(await readEnvironmentFile(join(home, SETTINGS))).toEqual({
      NESON_TERMINAL_ROUTER: url,
      NESON_TERMINAL_DATA: join(home, ".local/share/neson/terminal"),
      NESON_TERMINAL_QUOTA: "10GiB",
      NESON_TERMINAL_LISTEN_HOST: "127.0.0.1",
      NESON_TERMINAL_LISTEN_PORT: "8090",
    });
    expect(await unitValues(join(home, UNIT), "ExecStart", "~")).toEqual(["~/.local/bin/neson terminal run"]);
    // What it prints for a machine without systemd works as it stands.
    const printed = /sh -c .*$/m.exec(run.stderr)?.[0] ?? "";
    expect((await runShell(printed, { home, path })).stdout).toBe(
      `${join(home, ".local/share/neson/terminal")} terminal run\n`,
    );
    expect((await install(home, `${FLAGS} --run`)).stdout).toContain(" terminal run\n");
  },
);

test.skipIf(!isUnix)(
  "settings come from flags, then the environment, then an earlier run; lines of the operator stay",
  async () => {
    const home = await newHome();
    const env = { NESON_TERMINAL_QUOTA: "5GB", NESON_TERMINAL_MEMORY: "64MiB" };
    await install(home, `${FLAGS} --quota 7GB --endpoint http://[2001:db8::1]:9000 --small`, { env });
    await Bun.write(join(home, SETTINGS), `${await readFile(join(home, SETTINGS), "utf8")}NESON_LOG_LEVEL="warn"\n`);
    expect((await install(home, "--user --yes --data /srv/a\\ b")).code).toBe(0);
    expect(await readEnvironmentFile(join(home, SETTINGS))).toMatchObject({
      NESON_TERMINAL_QUOTA: "7GB",
      NESON_TERMINAL_MEMORY: "64MiB",
      NESON_TERMINAL_ENDPOINT: "http://[2001:db8::1]:9000",
      NESON_TERMINAL_SMALL: "true",
      NESON_TERMINAL_DATA: "/srv/a b",
      NESON_LOG_LEVEL: "warn",
    });
  },
);

test.skipIf(!isUnix).each([
  ["--quota '1\"; touch /tmp/x; \"'", "quotation marks"],
  ["--quota '$(id)'", "dollar signs"],
  ["--data relative/path", "begins with /"],
  ["--listen-port 80x", "a port number"],
  ["--quota '1\n2'", "control characters"],
  ["--quota", "needed: a value"],
  ["--router ftp://x", "http or https"],
  ["--frobnicate", "is not known"],
  ["--root /x", "goes with --system"],
  [`--sha256 ${"0".repeat(64)}`, "wanted is 000"],
])("refuses %s before anything is written", async (flags, reason) => {
  const home = await newHome();
  const run = await install(home, `${FLAGS} ${flags}`);
  expect(run.stderr).toContain(reason);
  expect(run).toMatchObject({ code: 1, stdout: "" });
  expect(await filesBelow(home)).toEqual([]);
});

test.skipIf(!isUnix)("refuses a program that is not the announced one, and leaves nothing", async () => {
  for (const [file, alter] of [
    ["neson-linux-x64", (content: string) => content.replace("1.2.3", "6.6.6")],
    ["neson-linux-arm64", (content: string) => content.slice(0, -1)],
  ] as const) {
    const uname = `[ "$1" = -s ] && echo Linux || echo ${file.endsWith("x64") ? "x86_64" : "aarch64"}`;
    const commands = await pathWith(join(directory, file), { uname });
    altered.set(`/download/${file}`, alter);
    const home = await newHome();
    const run = await install(home, FLAGS, { path: commands, env: { TMPDIR: home } });
    altered.clear();
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toContain("refused: the downloaded program has SHA-256");
    expect(await filesBelow(home)).toEqual([]);
    expect((await install(home, FLAGS, { path: commands })).code).toBe(0);
  }
});

test.skipIf(!isUnix)("a program that does not start is refused, and the old one goes on", async () => {
  const home = await newHome();
  await install(home);
  const broken = "#!/bin/sh\nexit 132\n";
  altered.set("/download/neson-linux-x64", () => broken);
  altered.set("/download/neson-linux-arm64", () => broken);
  altered.set("/download/SHA256SUMS", () =>
    PLATFORMS.map((name) => `${sha256Of(Buffer.from(broken))}  neson-${name}\n`).join(""),
  );
  const run = await install(home);
  altered.clear();
  expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining("does not start here") });
  expect(await readFile(join(home, ".local/bin/neson"), "utf8")).toBe(PROGRAM);
  expect(await filesBelow(join(home, ".local/bin"))).toEqual(["neson"]);
});

test.skipIf(!isUnix)("half a script does nothing, wherever it is cut", async () => {
  const whole = await readFile(script, "utf8");
  const home = await newHome();
  const lastLine = whole.trimEnd().lastIndexOf("\n") + 1;
  const cuts = new Set(Array.from({ length: 60 }, (_, i) => Math.floor((i * lastLine) / 60)));
  for (let at = lastLine; at < whole.trimEnd().length; at++) cuts.add(at);
  const touched = await Promise.all(
    [...cuts].map(async (at) => {
      const cut = join(directory, `cut-${at}.sh`);
      await Bun.write(cut, whole.slice(0, at));
      const { stdout, stderr } = await runShell(`sh -s -- ${FLAGS} <'${cut}'`, { home, path });
      return { at, stdout, isSilent: !stderr.includes("install:") };
    }),
  );
  for (const run of touched) expect(run).toEqual({ at: run.at, stdout: "", isSilent: true });
  expect(await filesBelow(home)).toEqual([]);
});

test.skipIf(!isUnix)("does with wget alone, and with openssl in the place of sha256sum", async () => {
  const bare = join(directory, "bare");
  const needed = "sh uname mktemp awk sed grep tr tail cut cmp cp mv rm mkdir rmdir chmod ln cat head".split(" ");
  const tools = [["wget", "openssl"], ["curl", "shasum"], ["curl"]].filter((names) =>
    names.every((name) => Bun.which(name)),
  );
  expect(tools.length).toBeGreaterThan(0);
  for (const names of tools) {
    const commands = join(bare, names.join("-"));
    await pathWith(commands);
    for (const name of [...needed, ...names]) await symlink(Bun.which(name) ?? "", join(commands, name));
    const home = await newHome();
    const run = await install(home, FLAGS, { path: commands });
    const canCheck = names.length > 1;
    expect([names, run.code]).toEqual([names, canCheck ? 0 : 1]);
    if (!canCheck) expect(run.stderr).toContain("sha256sum, shasum or openssl");
    expect(await filesBelow(home)).toEqual(canCheck ? [SETTINGS, UNIT, ".local/bin/neson"] : []);
  }
});

test.skipIf(!isUnix)("systems without a program are named", async () => {
  for (const [system, machine] of [
    ["Linux", "riscv64"],
    ["FreeBSD", "amd64"],
    ["Darwin", "x86_64"],
  ]) {
    const uname = `[ "$1" = -s ] && echo ${system} || echo ${machine}`;
    const commands = await pathWith(join(directory, `${system}-${machine}`), { uname });
    const run = await install(await newHome(), FLAGS, { path: commands });
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining(`found ${system} on ${machine}`) });
  }
});

test.skipIf(!isUnix)(
  "with systemd: enables and restarts the user's unit, says how to keep it, stops it at the end",
  async () => {
    const home = await newHome();
    const calls = join(home, "calls");
    const systemctl = `echo "$*" >>'${calls}'`;
    const commands = await pathWith(join(directory, "systemd"), { systemctl, loginctl: "echo no" });
    const run = await install(home, FLAGS, { path: commands });
    expect(run.stderr).toContain("loginctl enable-linger");
    const said = async () =>
      (await readFile(calls, "utf8")).split("\n").filter((line) => !line.includes("show-environment"));
    const starting = [
      "--user daemon-reload",
      "--user enable neson-terminal.service",
      "--user restart neson-terminal.service",
      "",
    ];
    expect(await said()).toEqual(starting);
    await Bun.write(calls, "");
    await install(home, "--user --uninstall", { path: commands });
    expect(await said()).toEqual(["--user disable --now neson-terminal.service", "--user daemon-reload", ""]);
    expect(await filesBelow(home)).toEqual(["calls"]);
  },
);

test.skipIf(!isUnix)(
  "uninstalling keeps the key and foreign files; purging removes what a Terminal makes, by name",
  async () => {
    const home = await newHome();
    const data = join(home, "my data");
    await install(home, `${FLAGS} --data '${data}'`);
    for (const name of ["identity.key", "router.key", "index.sqlite", "objects/ab/abcd", "thesis.tex"])
      await Bun.write(join(data, name), "x");
    const kept = await install(home, "--user --uninstall --yes");
    expect(kept.stderr).toContain(`kept ${data}`);
    expect(await filesBelow(home)).toEqual(
      ["identity.key", "index.sqlite", "objects/ab/abcd", "router.key", "thesis.tex"].map((name) => `my data/${name}`),
    );
    await install(home, `${FLAGS} --data '${data}'`);
    const purged = await install(home, "--user --uninstall --purge");
    expect(purged.stderr).toContain("files in it that are not the Terminal's");
    expect(await filesBelow(home)).toEqual(["my data/thesis.tex"]);
  },
);

test.skipIf(!isUnix)(
  "for the whole system: writes below --root, with a hardened unit that may open port 443 and nothing else",
  async () => {
    const home = await newHome();
    const root = join(home, "image");
    const flags = `--system --root '${root}' --yes --endpoint https://t.example.net --listen-port 443 --data /srv/neson`;
    expect((await install(home, flags)).code).toBe(0);
    const unit = join(root, "etc/systemd/system/neson-terminal.service");
    expect(await filesBelow(root)).toEqual([
      "etc/neson/terminal.env",
      "etc/systemd/system/neson-terminal.service",
      "usr/local/bin/neson",
    ]);
    const wanted: Record<string, string> = {
      User: "neson",
      NoNewPrivileges: "yes",
      ProtectSystem: "strict",
      ProtectHome: "yes",
      CapabilityBoundingSet: "CAP_NET_BIND_SERVICE",
      ReadWritePaths: "-/srv/neson",
      StateDirectory: "neson",
    };
    for (const [key, value] of Object.entries(wanted))
      expect([key, ...(await unitValues(unit, key, ""))]).toEqual([key, value]);
    // The program compiles while it runs.
    expect(await unitValues(unit, "MemoryDenyWriteExecute", "")).toEqual([]);
    expect((await install(home, `--system --root '${root}' --uninstall`)).code).toBe(0);
    expect(await filesBelow(home)).toEqual([]);
  },
);

/** systemd-analyze reads units offline since version 250. */
const canAnalyze =
  isUnix &&
  (await runShell("systemd-analyze security --help 2>&1 | grep -q offline", { home: "/", path: SYSTEM_PATH })).code ===
    0;

test.skipIf(!canAnalyze)(
  "systemd finds both units sound and exposes little of the machine to the system's",
  async () => {
    const home = await newHome();
    const root = join(home, "image");
    await install(home);
    await install(home, `--system --root '${root}' --yes --endpoint https://t.example.net`);
    const unit = join(root, "etc/systemd/system/neson-terminal.service");
    for (const checked of [unit, join(home, UNIT)]) {
      // What a unit names must be there for the check.
      const local = (await readFile(checked, "utf8")).replace(/^ExecStart=\S+/m, "ExecStart=/bin/true");
      const copy = join(home, "neson-terminal.service");
      await Bun.write(copy, local);
      const verified = await runShell(`systemd-analyze verify '${copy}' 2>&1 | grep neson-terminal || :`, {
        home,
        path,
      });
      expect(verified.stdout).toBe("");
      if (checked !== unit) continue;
      const scored = await runShell(`systemd-analyze security --offline=yes --no-pager '${copy}' | tail -n 1`, {
        home,
        path,
      });
      const exposure = Number(/: (\d+\.\d+)/.exec(scored.stdout)?.[1]);
      expect(exposure).toBeLessThan(2);
    }
  },
);

test.skipIf(Bun.which("shellcheck") === null)("shellcheck finds nothing", async () => {
  const source = join(ROOT, "packages/router/install/install.sh");
  expect(await runShell(`shellcheck -s sh '${source}'`, { home: ROOT, path: SYSTEM_PATH })).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
});
