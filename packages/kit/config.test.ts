import { expect, test } from "bun:test";
import { Command } from "commander";
import { z } from "zod";
import {
  addFlags,
  byteSizeSchema,
  defineOptions,
  durationSchema,
  option,
  portSchema,
  readEnvironment,
  readOptions,
  urlSchema,
} from "./config.ts";
import { NesonError } from "./error.ts";

const spec = defineOptions({
  port: option({
    schema: portSchema,
    flag: "--listen-port",
    env: "NESON_TERMINAL_PORT",
    doc: "port to listen on",
    default: 8080,
  }),
  quotaBytes: option({ schema: byteSizeSchema, flag: "--quota", env: "NESON_QUOTA", doc: "disk", default: "10GB" }),
  origin: option({ schema: urlSchema.optional(), flag: "--origin", doc: "origin server" }),
  verbose: option({ schema: z.boolean(), flag: "--verbose", doc: "say more", default: false, isSwitch: true }),
});

function errorOf(flags: Record<string, unknown>, env: Record<string, string | undefined> = {}): NesonError {
  try {
    readOptions(spec, { flags, env });
  } catch (error) {
    if (error instanceof NesonError) return error;
    throw error;
  }
  throw new Error("expected a NesonError");
}

test("readOptions() prefers flag to environment to default", () => {
  expect(readOptions(spec, { flags: {}, env: {} })).toEqual({
    port: 8080,
    quotaBytes: 10_000_000_000,
    origin: undefined,
    verbose: false,
  });
  const env = { NESON_TERMINAL_PORT: "81", NESON_QUOTA: "1MiB" };
  expect(readOptions(spec, { flags: {}, env })).toMatchObject({ port: 81, quotaBytes: 1_048_576 });
  expect(readOptions(spec, { flags: { listenPort: "82" }, env })).toMatchObject({ port: 82 });
  expect(readOptions(spec, { flags: {}, env: { NESON_TERMINAL_PORT: "" } })).toMatchObject({ port: 8080 });
});

test("readOptions() types its values by their schemas", () => {
  const values = readOptions(spec, { flags: { origin: "http://a/" }, env: {} });
  const typed: { port: number; quotaBytes: number; origin: string | undefined; verbose: boolean } = values;
  expect(typed.origin).toBe("http://a");
});

test("readOptions() names the option, the value found and what is allowed", () => {
  const error = errorOf({ listenPort: "abc" });
  expect(error).toMatchObject({ code: "bad-option", fault: "operator" });
  expect(error.message).toBe(
    'option --listen-port (NESON_TERMINAL_PORT): found "abc", allowed: a port number 0 to 65535',
  );
  expect(errorOf({ origin: "ftp://a" }).message).toStartWith(
    'option --origin: found "ftp://a", allowed: an http or https URL',
  );
});

test("readOptions() says when a required option is missing", () => {
  const required = { name: option({ schema: z.string().min(1), flag: "--name", doc: "name" }) };
  expect(() => readOptions(required, { flags: {}, env: {} })).toThrow(/^option --name: found nothing, allowed: /);
});

test("addFlags() gives commander flags that readOptions() understands, with defaults and environment in the help", () => {
  const command = addFlags(new Command().exitOverride(), spec);
  command.parse(["--listen-port", "99", "--verbose"], { from: "user" });
  expect(readOptions(spec, { flags: command.opts(), env: {} })).toMatchObject({ port: 99, verbose: true });
  const help = command.helpInformation().replace(/\s+/g, " ");
  expect(help).toContain("--listen-port <value> port to listen on (default 8080, env NESON_TERMINAL_PORT)");
});

test("portSchema takes 0 to 65535", () => {
  expect(["0", "65535", 443, " 80 "].map((value) => portSchema.parse(value))).toEqual([0, 65_535, 443, 80]);
  for (const bad of ["", "-1", "65536", "8o", "1e3", "80.5", "0x50"])
    expect(portSchema.safeParse(bad).success).toBe(false);
});

test("byteSizeSchema takes decimal and binary units", () => {
  const sizes = ["0", 512, "1kB", "1.5GiB", "2 MB", "1TiB", "7B"].map((value) => byteSizeSchema.parse(value));
  expect(sizes).toEqual([0, 512, 1000, 1_610_612_736, 2_000_000, 2 ** 40, 7]);
  for (const bad of ["", "MB", "-1", "1XB", "1e9", "9999999999TB"])
    expect(byteSizeSchema.safeParse(bad).success).toBe(false);
});

test("durationSchema gives milliseconds and asks for a unit", () => {
  expect(["250ms", "30s", "1.5m", "1h", "2d"].map((value) => durationSchema.parse(value))).toEqual([
    250, 30_000, 90_000, 3_600_000, 172_800_000,
  ]);
  for (const bad of ["", "30", "s", "-1s", "1w"]) expect(durationSchema.safeParse(bad).success).toBe(false);
});

test("urlSchema takes http and https origins without credentials, query or fragment", () => {
  expect(urlSchema.parse("HTTP://Example.com:80/")).toBe("http://example.com");
  expect(urlSchema.parse("https://[::1]:8443/base/")).toBe("https://[::1]:8443/base");
  for (const bad of ["", "example.com", "file:///etc", "http://u:p@a", "http://a?b", "http://a#b", "http://"]) {
    expect(urlSchema.safeParse(bad).success).toBe(false);
  }
});

test("readEnvironment() is a copy of the environment", () => {
  const environment = readEnvironment();
  expect(environment.PATH).toBe(process.env.PATH);
  environment.PATH = "changed";
  expect(process.env.PATH).not.toBe("changed");
});
