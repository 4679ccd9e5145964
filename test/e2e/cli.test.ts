import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { openAdminClient } from "../../packages/cli/admin-client.ts";
import { neson, start, temporaryDirectory } from "./network.ts";

// What every command promises alike: help that is no error, and for each setting one line that names it, what was found and what is
// allowed. How single commands refuse what they alone know is in cli-refusals.test.ts.

const parts = new AsyncDisposableStack();
let directory: string;

beforeAll(async () => {
  directory = parts.use(await temporaryDirectory()).path;
});

afterAll(() => parts.disposeAsync());

/** Runs a command that must be refused before anything starts; gives its one line. */
async function refused(args: string[]): Promise<string> {
  const { stdout, stderr, code } = await neson(args, { cwd: directory });
  expect({ args, code, stdout, stderr }).toEqual({
    args,
    code: 2,
    stdout: "",
    stderr: expect.stringMatching(/^neson: .+\n$/),
  });
  return stderr;
}

test.each([
  [[]],
  [["up"]],
  [["router"]],
  [["router", "run"]],
  [["terminal"]],
  [["terminal", "run"]],
  [["site"]],
  [["site", "add"]],
  [["site", "ls"]],
  [["site", "rm"]],
  [["site", "sign"]],
  [["key"]],
  [["key", "add"]],
  [["demo-origin"]],
])("help of %j says how to use it and is no error", async (command) => {
  const { stdout, stderr, code } = await neson([...command, "--help"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toStartWith(`Usage: ${["neson", ...command].join(" ")} `);
});

test("a command that is only half named is refused in one line, not with a page of help", async () => {
  const lines = await Promise.all([[], ["router"], ["terminal"], ["site"]].map(refused));
  for (const line of lines) expect(line).toContain("see --help");
}, 20_000);

const PORT = "a port number 0 to 65535";
const SIZE = 'a size like "512MiB", "10GB" or a number of bytes';
const URL_TEXT = "an http or https URL";
const LEVELS = "one of trace, debug, info, warn, error, fatal, silent";
const ROUTER = ["router", "run"];
const TERMINAL = ["terminal", "run"];

test.each<[string[], string, string, string]>([
  [["up"], "--port", "-1", PORT],
  [["up"], "--port", "65536", PORT],
  [["up"], "--terminals", "0", "a whole number from 1 to 64"],
  [["up"], "--terminals", "two", "a whole number from 1 to 64"],
  [["up"], "--origin", "http://user:secret@example.com", "without credentials"],
  [["up"], "--data", "", "path"],
  [["up"], "--ready-file", "", "path"],
  [["demo-origin"], "--port", "eighty", PORT],
  [ROUTER, "--data", "", "path"],
  [ROUTER, "--listen-host", "nowhere.invalid", "address"],
  [ROUTER, "--listen-port", "80x", PORT],
  [ROUTER, "--control-host", "999.1.1.1", "address"],
  [ROUTER, "--control-port", "1e9", PORT],
  [ROUTER, "--control-url", "router.example.com", URL_TEXT],
  [ROUTER, "--edge-scheme", "gopher", "http or https"],
  [ROUTER, "--shield-size", "-1", SIZE],
  [ROUTER, "--memory", "1XB", SIZE],
  [ROUTER, "--max-object", "NaN", SIZE],
  [ROUTER, "--ticket-life", "0s", 'from "1s" to "24h"'],
  [ROUTER, "--ticket-life", "100000d", 'from "1s" to "24h"'],
  [ROUTER, "--ticket-life", "soon", 'from "1s" to "24h"'],
  [ROUTER, "--terminal-capacity", "fast", SIZE],
  [ROUTER, "--max-terminals", "0", "a whole number from 1 to 1000000"],
  [ROUTER, "--log-level", "loud", LEVELS],
  [TERMINAL, "--data", "", "path"],
  [TERMINAL, "--listen-host", "all", "address"],
  [TERMINAL, "--listen-port", "99999", PORT],
  [TERMINAL, "--endpoint", "https://t.example.com/path", "host and port alone"],
  [TERMINAL, "--router", "ws://127.0.0.1:1", URL_TEXT],
  [TERMINAL, "--router-key", "AB".repeat(32), "64 lower-case hex digits"],
  [TERMINAL, "--quota", "all", SIZE],
  [TERMINAL, "--memory", "much", SIZE],
  [TERMINAL, "--check-rate", "0", "a size above 0"],
  [TERMINAL, "--log-level", "9", LEVELS],
])("%j refuses %s %j", async (command, flag, value, allowed) => {
  // An equals sign, so that a value may begin with a dash.
  const line = await refused([...command, `${flag}=${value}`]);
  expect(line).toMatch(
    new RegExp(`^neson: option ${flag}( \\(NESON_[A-Z_]+\\))?: found ${JSON.stringify(value)}, allowed: `),
  );
  expect(line).toContain(allowed);
});

test("the environment is judged like the flags, and an unusable data directory is named", async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../packages/cli/main.ts"), ...ROUTER], {
    env: { ...process.env, NESON_ROUTER_LISTEN_PORT: "many" },
    stdin: "ignore",
    stderr: "pipe",
  });
  expect(await new Response(child.stderr).text()).toBe(
    `neson: option --listen-port (NESON_ROUTER_LISTEN_PORT): found "many", allowed: ${PORT}\n`,
  );
  expect(await child.exited).toBe(2);

  const file = join(directory, "a-file");
  await Bun.write(file, "not a directory");
  for (const command of [ROUTER, TERMINAL]) {
    expect(await refused([...command, "--data", join(file, "data")])).toContain(
      `found ${join(file, "data")}, allowed: `,
    );
  }
}, 20_000);

test("an address that is not this machine's, and a sites file that is wrong, are named", async () => {
  const data = ["--data", join(directory, "never"), "--listen-port", "0"];
  const foreign = "192.0.2.7";
  const sites = join(directory, "sites.json");
  await Bun.write(
    sites,
    JSON.stringify({ sites: [{ name: "Bad Name", hosts: ["a.example"], origin: "http://b.example" }] }),
  );
  const control = ["--control-port", "0"];
  expect(await refused([...ROUTER, ...data, ...control, "--listen-host", foreign])).toContain(`${foreign}:0`);
  expect(await refused([...ROUTER, ...data, ...control, "--control-host", foreign])).toContain("--control-host");
  expect(await refused([...TERMINAL, "--data", join(directory, "never-2"), "--listen-host", foreign])).toContain(
    foreign,
  );
  expect(await refused([...TERMINAL, "--data", join(directory, "never-3"), "--listen-host", "0.0.0.0"])).toContain(
    "--endpoint",
  );
  expect(await refused([...ROUTER, ...data, ...control, "--sites", sites])).toContain(
    'name: found "Bad Name", allowed: ',
  );
  expect(await refused([...ROUTER, ...data, ...control, "--sites", join(directory, "none.json")])).toContain(
    "none.json",
  );
}, 30_000);

test("taken ports are named by every command that listens", async () => {
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const port = String(taken.port);
  const data = (name: string) => ["--data", join(directory, name)];
  const lines = await Promise.all([
    refused(["demo-origin", "--port", port]),
    refused([...ROUTER, ...data("taken-1"), "--listen-port", port, "--control-port", "0"]),
    refused([...ROUTER, ...data("taken-2"), "--listen-port", "0", "--control-port", port]),
    refused([...TERMINAL, ...data("taken-3"), "--listen-port", port]),
  ]);
  for (const line of lines) expect(line).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}.*port`));
}, 30_000);

test("an origin that has a private address is refused when it is dialled, until the operator allows it", async () => {
  const data = join(directory, "private");
  const ports = ["--listen-port", "0", "--control-port", "0"];
  await using origin = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("inside") });
  await using router = start([...ROUTER, "--data", data, ...ports], join(directory, "private.json"));
  const { url } = await router.ready<{ url: string }>();
  // Past the check of `site add`: a name is only looked up when it is dialled, and this one leads to this machine.
  const site = { name: "inside", hosts: ["127.0.0.1"], origin: `http://localhost:${origin.port}` };
  const admin = await openAdminClient(data);
  for (const hidden of [site.origin, `http://127.0.0.1:${origin.port}`, `http://[::ffff:127.0.0.1]:${origin.port}`]) {
    await admin.putSite({ ...site, origin: hidden });
    const answer = await fetch(`${url}/secret`);
    expect(answer.status).toBe(502);
    expect(await answer.text()).toMatch(/^502 Bad Gateway: .*must not be dialled \(origin-address-refused\)\n$/);
  }
  expect(router.output).toMatch(/dialling origin .* refused: found .*, allowed: public addresses/);
  await admin.putSite({ ...site, allowPrivateOrigin: true });
  const allowed = await fetch(`${url}/secret`);
  expect([allowed.status, await allowed.text()]).toEqual([200, "inside"]);
}, 30_000);
