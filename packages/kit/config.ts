import { isIP } from "node:net";
import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { NesonError } from "./error.ts";
import { LOG_LEVELS } from "./log.ts";

/** One setting: its schema, its names, its text for people. */
export interface Option<S extends z.ZodType = z.ZodType> {
  schema: S;
  /** Long command-line flag, "--listen-port". */
  flag: `--${string}`;
  /** Environment variable, "NESON_TERMINAL_PORT"; none when absent. */
  env?: string | undefined;
  /** One line of help. */
  doc: string;
  /** Raw value (as it would be typed) used when neither flag nor environment gives one. */
  default?: z.input<S> | undefined;
  /** True for a flag without a value. */
  isSwitch?: boolean | undefined;
  /** True for a flag that may come several times: its values are one text, with commas between them. */
  isList?: boolean | undefined;
  /** True for what no error may show. */
  isSecret?: boolean | undefined;
}

/** Named options of one program. */
export type OptionSpec = Record<string, Option>;

/** The parsed values of a spec. */
export type ValuesOf<Spec extends OptionSpec> = { [Name in keyof Spec]: z.output<Spec[Name]["schema"]> };

/** Declares one option; exists for its type inference. */
export function option<S extends z.ZodType>(definition: Option<S>): Option<S> {
  return definition;
}

/** Declares a program's options; exists for its type inference. */
export function defineOptions<Spec extends OptionSpec>(spec: Spec): Spec {
  return spec;
}

/** Where values come from: commander's `opts()` and the environment. */
export interface OptionSources {
  flags: Record<string, unknown>;
  env: Record<string, string | undefined>;
}

/**
 * Reads every option: flag beats environment beats default; an empty environment variable counts as absent. Throws NesonError
 * "bad-option" (fault operator) naming the option, the value found and what is allowed.
 */
export function readOptions<Spec extends OptionSpec>(spec: Spec, sources: OptionSources): ValuesOf<Spec> {
  const values: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries(spec)) values[name] = readOption(definition, sources);
  return values as ValuesOf<Spec>;
}

function readOption(definition: Option, { flags, env }: OptionSources): unknown {
  const fromFlag = flags[attributeOf(definition.flag)];
  const fromEnv = definition.env === undefined ? undefined : env[definition.env] || undefined;
  const found = fromFlag ?? fromEnv ?? definition.default;
  const parsed = definition.schema.safeParse(found);
  if (parsed.success) return parsed.data;
  const names = definition.env === undefined ? definition.flag : `${definition.flag} (${definition.env})`;
  const shown = definition.isSecret === true ? "something else" : JSON.stringify(found);
  const seen = found === undefined ? "nothing" : shown;
  const allowed = allowedBy(definition.schema) ?? parsed.error.issues.map((issue) => issue.message).join("; ");
  throw new NesonError("bad-option", `option ${names}: found ${seen}, allowed: ${allowed}`, {
    fault: "operator",
    details: { flag: definition.flag, env: definition.env },
  });
}

/** Adds a spec's flags to a commander command. Values stay raw, so that `readOptions` alone judges them. */
export function addFlags(command: Command, spec: OptionSpec): Command {
  for (const definition of Object.values(spec)) {
    const notes: string[] = [];
    if (definition.default !== undefined) notes.push(`default ${String(definition.default)}`);
    if (definition.env !== undefined) notes.push(`env ${definition.env}`);
    const doc = notes.length === 0 ? definition.doc : `${definition.doc} (${notes.join(", ")})`;
    if (definition.isList) command.option(`${definition.flag} <value>`, doc, listed);
    else command.option(definition.isSwitch ? definition.flag : `${definition.flag} <value>`, doc);
  }
  return command;
}

function listed(value: string, before: string | undefined): string {
  return before === undefined ? value : `${before},${value}`;
}

/** The process environment. The only reader of it: everything else gets what it needs as an argument. */
export function readEnvironment(): Record<string, string | undefined> {
  return { ...process.env };
}

/** The description of a schema, looking through optional(), default() and pipes. */
function allowedBy(schema: z.ZodType): string | undefined {
  let current: unknown = schema;
  for (let depth = 0; depth < 5 && isSchema(current); depth++) {
    if (current.description !== undefined) return current.description;
    const def = current._zod.def as { innerType?: unknown; out?: unknown };
    current = def.innerType ?? def.out;
  }
  return undefined;
}

function isSchema(value: unknown): value is z.ZodType {
  return typeof value === "object" && value !== null && "_zod" in value;
}

/** "--listen-port" → "listenPort", as commander names it. */
function attributeOf(flag: string): string {
  return flag.slice(2).replace(/-(\w)/g, (_all, letter: string) => letter.toUpperCase());
}

const MAX_LIST_CHARS = 20_000;

const BYTE_UNITS: Record<string, number> = {
  "": 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};
const DURATION_UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A TCP port; 0 lets the system choose. */
export const portSchema = textSchema(
  (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
  "a port number 0 to 65535",
);

/** A number of bytes, "512MiB", "10GB" or "1048576"; a whole number. */
export const byteSizeSchema = textSchema(
  (text) => withUnit(text, BYTE_UNITS, (unit) => unit.toUpperCase()),
  'a size like "512MiB", "10GB" or a number of bytes',
);

/** A length of time, "250ms", "30s", "5m", "1h" or "2d"; in milliseconds. */
export const durationSchema = textSchema(
  (text) => withUnit(text, DURATION_UNITS, (unit) => unit),
  'a duration like "250ms", "30s", "5m", "1h" or "2d"',
);

/** An http or https URL without credentials, query or fragment; given back without a trailing slash. */
export const urlSchema = textSchema((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return undefined;
  return url.href.replace(/\/$/, "");
}, 'an http or https URL like "https://www.example.com", without credentials or query');

/** URLs as `urlSchema` takes them, with commas between them; each once, at least one. */
export const urlListSchema = textSchema((text): [string, ...string[]] | undefined => {
  if (text.length > MAX_LIST_CHARS) return undefined;
  const read = text.split(",").map((part) => urlSchema.safeParse(part));
  const urls = read.flatMap((one) => (one.success ? [one.data] : []));
  const [first, ...others] = new Set(urls);
  return first === undefined || urls.length < read.length ? undefined : [first, ...others];
}, 'an http or https URL like "https://www.example.com", without credentials or query, or several with commas between them');

/** A path of this machine; given back absolute. */
export const pathSchema = textSchema(
  (text) => (text === "" || text.length > 4096 ? undefined : resolve(text)),
  "a path",
);

/** An address to listen on. */
export const listenHostSchema = z
  .string()
  .refine((host) => isIP(host) !== 0)
  .describe("an IP address of this machine");

/** A flag without a value; in the environment, true, false, 1 or 0. */
export const switchSchema = z
  .union([z.boolean(), z.enum(["true", "false", "1", "0"])])
  .transform((value) => value === true || value === "true" || value === "1")
  .describe("true or false");

/** The same option of every long-running command. */
export const logLevelOption = option({
  schema: z.enum(LOG_LEVELS).describe(`one of ${LOG_LEVELS.join(", ")}`),
  flag: "--log-level",
  env: "NESON_LOG_LEVEL",
  doc: "least severe log lines to write",
  default: "info",
});

/** A schema over what a person types: `read` gives undefined for what is not allowed, `allowed` says what is. */
function textSchema<T>(read: (text: string) => T | undefined, allowed: string) {
  const schema = z.union([z.string(), z.number()]).transform((raw, context): T => {
    const value = read(String(raw).trim());
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: `allowed: ${allowed}` });
    return z.NEVER;
  });
  return schema.describe(allowed);
}

function withUnit(text: string, units: Record<string, number>, canonical: (unit: string) => string) {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s*([A-Za-z]*)$/.exec(text);
  if (match === null) return undefined;
  const factor = units[canonical(match[2] ?? "")];
  const value = factor === undefined ? Number.NaN : Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(value) ? value : undefined;
}
