import { afterEach, beforeEach, expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "@neson/terminal/testing/temporary";
import {
  givenValue,
  readSettings,
  readTerminalConfig,
  settingsPath,
  withSaved,
  writeSettings,
} from "./settings-file.ts";

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => directory[Symbol.dispose]());

function configOf(flags: Record<string, unknown>, env: Record<string, string>) {
  return readTerminalConfig({ flags: { data: directory.path, ...flags }, env });
}

test("readTerminalConfig() lets flags beat the environment beat the file beat defaults", async () => {
  await writeSettings(directory.path, { quota: "3GB", router: "http://file.example:1", "listen-port": 7000 });
  const env = { NESON_TERMINAL_QUOTA: "2GB", NESON_TERMINAL_ROUTER: "http://env.example:1", NESON_TERMINAL_MEMORY: "" };
  const config = await configOf({ quota: "1GB" }, env);
  expect(config).toMatchObject({ quotaBytes: 1e9, routerUrls: ["http://env.example:1"], listenPort: 7000 });
  expect(config.memoryBytes).toBe(256 * 2 ** 20);
  expect((await configOf({}, {})).quotaBytes).toBe(3e9);
});

test("readTerminalConfig() does without a file", async () => {
  expect((await configOf({}, {})).listenPort).toBe(8090);
});

test("withSaved() takes switches too, and leaves other flags alone", () => {
  const given = { flags: { yes: true, http3: undefined }, env: {} };
  expect(withSaved(given, { small: true, http3: false })).toEqual({ yes: true, small: true, http3: false });
});

test("givenValue() counts an empty environment variable as nothing, and the flag before it", () => {
  expect(givenValue("routerUrls", { flags: {}, env: { NESON_TERMINAL_ROUTER: "" } })).toBeUndefined();
  expect(givenValue("routerUrls", { flags: {}, env: { NESON_TERMINAL_ROUTER: "x" } })).toBe("x");
  expect(givenValue("routerUrls", { flags: { router: "y" }, env: { NESON_TERMINAL_ROUTER: "x" } })).toBe("y");
});

test("writeSettings() writes what readSettings() reads, for the owner only", async () => {
  const settings = { router: "http://r.example:8081", quota: "1TB", small: true, "listen-port": 80 };
  await writeSettings(directory.path, settings);
  expect(await readSettings(directory.path)).toEqual(settings);
  expect((await stat(settingsPath(directory.path))).mode & 0o777).toBe(0o600);
});

test("readSettings() gives undefined where there is no file or no directory", async () => {
  expect(await readSettings(directory.path)).toBeUndefined();
  expect(await readSettings(join(directory.path, "none"))).toBeUndefined();
});

test.each<[string, string]>([
  ["{", "not JSON"],
  ["[1]", "all of it: found something else"],
  ['{"quota": {"bytes": 1}}', "quota: found something else"],
  ['{"quota": "much"}', 'quota: found "much", allowed: a size like'],
  ['{"routr": "http://r.example"}', 'found the setting "routr", allowed: listen-host'],
  ['{"data": "/elsewhere"}', 'found the setting "data"'],
  [`{"quota": "${"9".repeat(70_000)}"}`, "characters, allowed: 65536"],
])("readSettings() refuses %.30s with the file's name and the reason", async (text, reason) => {
  await Bun.write(settingsPath(directory.path), text);
  const failure = await readSettings(directory.path).then(
    () => undefined,
    (error) => error,
  );
  expect(failure).toMatchObject({ code: "bad-settings-file", fault: "operator" });
  expect(failure.message).toContain(settingsPath(directory.path));
  expect(failure.message).toContain(reason);
});
