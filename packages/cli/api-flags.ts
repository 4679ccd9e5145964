import { addFlags, defineOptions, option, readEnvironment, readOptions } from "@neson/kit/config";
import { NesonError } from "@neson/kit/error";
import { routerOptions } from "@neson/router/config";
import type { Command } from "commander";
import { z } from "zod";
import { readAdminFile } from "./admin-file.ts";
import { type ApiClient, type ApiPlace, openApi } from "./api-client.ts";

const KEY_NAME = "NESON_API_KEY";

const options = defineOptions({
  api: option({
    schema: z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .optional()
      .describe('an http or https URL such as "https://router.example.com:8081"'),
    flag: "--api",
    env: "NESON_API",
    doc: `URL of a Router's control listener, used with the key in ${KEY_NAME}`,
  }),
  dataDir: routerOptions.dataDir,
});

/** What every command that speaks to a Router takes: --api, --data and --json. */
export function addApiFlags(command: Command): Command {
  return addFlags(command, options).option("--json", "print JSON");
}

/**
 * The control API that a command means: that of --api with the key in NESON_API_KEY, else that of the Router whose data directory is named, whose
 * operator needs no key.
 * @throws NesonError (operator) `no-key`, `bad-option` or `no-router`
 */
export async function openApiOf(flags: Record<string, unknown>): Promise<ApiClient> {
  return openApi(await placeOf(flags));
}

async function placeOf(flags: Record<string, unknown>): Promise<ApiPlace> {
  const env = readEnvironment();
  const { api, dataDir } = readOptions(options, { flags, env });
  const key = env[KEY_NAME] || undefined;
  if (key !== undefined && !/^[\x21-\x7e]{1,200}$/.test(key)) {
    throw new NesonError(
      "bad-option",
      `${KEY_NAME}: found something else, allowed: a key as "neson key add" prints it`,
      {
        fault: "operator",
      },
    );
  }
  if (api === undefined) {
    const place = await readAdminFile(dataDir);
    return key === undefined ? place : { ...place, key };
  }
  if (key !== undefined) return { url: api, key };
  const message = `--api ${api} needs a key: put one that "neson key add" has printed into ${KEY_NAME}`;
  throw new NesonError("no-key", message, { fault: "operator" });
}

/** What a command prints: JSON with --json, else the text. */
export function print(flags: Record<string, unknown>, json: unknown, text: string): void {
  process.stdout.write(flags.json === true ? `${JSON.stringify(json, null, 2)}\n` : `${text.replace(/\n$/, "")}\n`);
}
