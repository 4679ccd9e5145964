import { afterAll, beforeAll, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { freePort } from "../../packages/cli/up/hosts.ts";
import { neson, start, temporaryDirectory } from "./network.ts";
import { startOrigin, type TestOrigin } from "./origin.ts";
import { processesNaming } from "./processes.ts";

// Whatever a person types wrong: one line that names it, says what is allowed, and exit code 2. Nothing is started or left.

const parts = new AsyncDisposableStack();
let directory: string;
let origin: TestOrigin;

beforeAll(async () => {
  directory = parts.use(await temporaryDirectory()).path;
  origin = parts.use(await startOrigin());
});

afterAll(() => parts.disposeAsync());

/** Runs a command that must be refused; gives its one line. */
async function refused(...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await neson(args, { cwd: directory });
  const lines = stderr.trimEnd().split("\n");
  expect({ args, code, stdout, lines: lines.length }).toEqual({ args, code: 2, stdout: "", lines: 1 });
  return stderr;
}

test("a bad value names the option, what was found and what is allowed", async () => {
  const lines = await Promise.all([
    refused("up", "--port", "abc"),
    refused("up", "--terminals", "65"),
    refused("up", "--origin", "ftp://files.example.com"),
    refused("demo-origin", "--port", "70000"),
    refused("router", "run", "--shield-size", "lots"),
    refused("terminal", "run", "--endpoint", "example.com"),
    refused("terminal", "run", "--router-key", "abc"),
  ]);
  const expected: [string, string][] = [
    ["--port", '"abc"'],
    ["--terminals", '"65"'],
    ["--origin", '"ftp://files.example.com"'],
    ["--port", '"70000"'],
    ["--shield-size", '"lots"'],
    ["--endpoint", '"example.com"'],
    ["--router-key", '"abc"'],
  ];
  for (const [index, [option, found]] of expected.entries()) {
    expect(lines[index]).toContain(`neson: option ${option}`);
    expect(lines[index]).toContain(`found ${found}, allowed: `);
  }
}, 60_000);

test("an unknown command, option or argument, and a missing one, are named", async () => {
  const [command, sub, option, argument, missing, required] = await Promise.all([
    refused("upp"),
    refused("site", "list"),
    refused("up", "--ports", "1"),
    refused("up", "now"),
    refused("site", "rm"),
    refused("site", "add", "--name", "x"),
  ]);
  expect(command).toContain("unknown command 'upp'");
  expect(sub).toContain("unknown command 'list'");
  expect(option).toContain("unknown option '--ports'");
  expect(argument).toContain("now");
  expect(missing).toContain("'name'");
  expect(required).toContain("--host");
}, 60_000);

test("help and version are no errors, and help says where to start", async () => {
  const [help, upHelp, version] = await Promise.all([neson(["--help"]), neson(["up", "--help"]), neson(["--version"])]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  for (const word of ["up", "router", "terminal", "site", "demo-origin", "Start here"])
    expect(help.stdout).toContain(word);
  expect(upHelp.code).toBe(0);
  for (const flag of ["--origin", "--port", "--data", "--terminals", "--ready-file"])
    expect(upHelp.stdout).toContain(flag);
  expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
}, 60_000);

test("up names a taken port and how to choose another", async () => {
  const server = await listen();
  try {
    const { port } = server.address() as { port: number };
    const line = await refused("up", "--port", String(port), "--data", join(directory, "taken"));
    expect(line).toContain(`port ${port}`);
    expect(line).toContain("--port");
  } finally {
    server.close();
  }
}, 30_000);

test("up names an origin that does not answer, and takes one that answers with an error", async () => {
  const dead = `http://127.0.0.1:${await freePort("127.0.0.1", 0)}`;
  expect(await refused("up", "--origin", dead, "--data", join(directory, "dead"))).toContain(`found ${dead}`);
  // Any answer counts: the test origin knows no "/" and says 404, so that what is refused next is the data directory.
  const line = await refused("up", "--origin", origin.url, "--data", "/proc/nowhere");
  expect(line).toContain("--data");
  expect(origin.requests).toContainEqual(expect.objectContaining({ target: "/", status: 404 }));
}, 30_000);

test("up names a ready file that cannot be written, and leaves nothing running", async () => {
  const data = join(directory, "unready");
  const line = await refused(
    "up",
    "--port",
    "0",
    "--data",
    data,
    "--ready-file",
    join(directory, "no/such/ready.json"),
  );
  expect(line).toContain("--ready-file");
  expect(await processesNaming(data)).toEqual([]);
}, 60_000);

test("site add, ls and rm tell what they did, or why not", async () => {
  const data = join(directory, "router");
  expect(await refused("site", "ls", "--data", data)).toContain(join(data, "admin.json"));
  const routerArgs = ["router", "run", "--data", data, "--listen-port", "0", "--control-port", "0"];
  await using router = start(routerArgs, join(directory, "router.json"));
  const { url } = await router.ready<{ url: string }>();
  const add = ["site", "add", "--data", data, "--name", "films", "--host", "127.0.0.1", "--origin", origin.url];
  expect(await refused(...add)).toContain("--allow-private-origin");
  expect(await refused(...add, "--rule", "video")).toContain('--rule: found "video"');
  expect(await refused(...add, "--allow-private-origin", "--host", "A B")).toContain("hosts");
  expect((await fetch(url)).status).toBe(404);

  const rules = ["--rule", "/members/*=router", "--rule", "type:video/*=redirect"];
  const added = await neson([...add, "--allow-private-origin", ...rules]);
  expect(added).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("films") });
  origin.files.set("/hello", { bytes: Buffer.from("hello"), headers: ["Content-Type", "text/plain"] });
  expect(await (await fetch(`${url}/hello`)).text()).toBe("hello");

  const taken = [
    "site",
    "add",
    "--data",
    data,
    "--name",
    "other",
    "--host",
    "127.0.0.1",
    "--origin",
    "http://192.0.2.1",
  ];
  expect(await refused(...taken, "--allow-private-origin")).toContain("films");
  const listed = await neson(["site", "ls", "--data", data]);
  expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining(origin.url) });
  const json = await neson(["site", "ls", "--data", data, "--json"]);
  expect(JSON.parse(json.stdout)[0].rules).toEqual([
    { path: "/members/*", deliver: "router" },
    { type: "video/*", deliver: "redirect" },
  ]);

  expect(await neson(["site", "rm", "films", "--data", data])).toMatchObject({ code: 0, stderr: "" });
  expect(await refused("site", "rm", "films", "--data", data)).toContain("films");
  expect((await fetch(`${url}/hello`)).status).toBe(404);
}, 60_000);

test("site names a Router that does not run any more", async () => {
  const data = join(directory, "gone");
  const routerArgs = ["router", "run", "--data", data, "--listen-port", "0", "--control-port", "0"];
  {
    await using router = start(routerArgs, join(directory, "gone.json"));
    await router.ready();
  }
  expect(await refused("site", "ls", "--data", data)).toContain("does not answer");
}, 30_000);

async function listen(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
