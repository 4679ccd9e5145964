import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readOptions } from "@neson/kit/config";
import { describeError, NesonError } from "@neson/kit/error";
import { writeFileAtomic } from "@neson/kit/files";
import { readTerminalOptions, type TerminalConfig, terminalOptions } from "@neson/terminal/config";
import { Option } from "commander";
import { z } from "zod";

const MAX_FILE_CHARS = 64 * 1024;
const valueSchema = z.union(
  [z.string().max(5000), z.number(), z.boolean()],
  "allowed: a text, a number, true or false",
);

/** What `terminal.json` holds: values as they would be typed, by their flag without dashes: `{"router": "http://…", "quota": "500GB"}`. */
export type SavedSettings = Record<string, z.infer<typeof valueSchema>>;

/** Flags as commander gives them, and the environment. */
export interface Given {
  flags: Record<string, unknown>;
  env: Record<string, string | undefined>;
}

type TerminalOptionName = keyof typeof terminalOptions;

/** Where the answers of the first run are kept. */
export function settingsPath(dataDir: string): string {
  return join(dataDir, "terminal.json");
}

/**
 * Reads `terminal.json`; undefined when there is none.
 * @throws NesonError `bad-settings-file` (operator) naming the file, the setting, what was found and what is allowed
 */
export async function readSettings(dataDir: string): Promise<SavedSettings | undefined> {
  const path = settingsPath(dataDir);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw refusal(
      path,
      `found a file that cannot be read (${describeError(cause)}), allowed: one that this user may read`,
    );
  }
  if (text.length > MAX_FILE_CHARS) {
    throw refusal(path, `found ${text.length} characters, allowed: ${MAX_FILE_CHARS}`);
  }
  return checkedSettings(path, parse(path, text));
}

/** Writes `terminal.json` so that it is old or new, never half. */
export function writeSettings(dataDir: string, settings: SavedSettings): Promise<void> {
  return writeFileAtomic(settingsPath(dataDir), `${JSON.stringify(settings, null, 2)}\n`, 0o600);
}

/** Flags with what the file says in the place of those that neither the command line nor the environment gives. */
export function withSaved(given: Given, saved: SavedSettings): Record<string, unknown> {
  const flags = { ...given.flags };
  for (const name of Object.keys(terminalOptions) as TerminalOptionName[]) {
    const { flag } = terminalOptions[name];
    const value = saved[flag.slice(2)];
    if (value !== undefined && givenValue(name, given) === undefined) flags[new Option(flag).attributeName()] = value;
  }
  return flags;
}

/** What the command line or else the environment says for a setting, as it was typed; undefined when neither does. */
export function givenValue(name: TerminalOptionName, { flags, env }: Given): unknown {
  const { flag, env: variable } = terminalOptions[name];
  return flags[new Option(flag).attributeName()] ?? (variable === undefined ? undefined : env[variable] || undefined);
}

/** A Terminal's settings as `terminal run` would have them: flags beat the environment beats `terminal.json` beats defaults. */
export async function readTerminalConfig(given: Given): Promise<TerminalConfig> {
  const { dataDir } = readOptions({ dataDir: terminalOptions.dataDir }, given);
  const flags = withSaved(given, (await readSettings(dataDir)) ?? {});
  return readTerminalOptions({ flags, env: given.env });
}

function parse(path: string, text: string): SavedSettings {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw refusal(
      path,
      `found text that is not JSON (${describeError(cause)}), allowed: an object such as {"quota": "500GB"}`,
    );
  }
  const parsed = z.record(z.string().max(100), valueSchema).safeParse(raw);
  if (parsed.success) return parsed.data;
  const at = parsed.error.issues[0]?.path.join(".") || "all of it";
  throw refusal(path, `${at}: found something else than a text, a number, true or false`);
}

function checkedSettings(path: string, settings: SavedSettings): SavedSettings {
  const known = new Map(Object.values(terminalOptions).map((option) => [option.flag.slice(2), option]));
  known.delete(terminalOptions.dataDir.flag.slice(2));
  for (const [name, value] of Object.entries(settings)) {
    const option = known.get(name);
    if (option === undefined) {
      throw refusal(path, `found the setting ${JSON.stringify(name)}, allowed: ${[...known.keys()].join(", ")}`);
    }
    try {
      readOptions({ value: { ...option, env: undefined, default: value } }, { flags: {}, env: {} });
    } catch (error) {
      throw refusal(path, describeError(error).replace(/^option --/, ""));
    }
  }
  return settings;
}

function refusal(path: string, text: string): NesonError {
  return new NesonError("bad-settings-file", `settings ${path}: ${text}`, { fault: "operator" });
}
