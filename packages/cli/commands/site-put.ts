import { readFile } from "node:fs/promises";
import { describeError, NesonError } from "@neson/kit/error";
import { sentSiteSchema } from "@neson/router/api/sent-site";
import type { Command } from "commander";
import { read } from "../api-client.ts";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";

const MAX_BYTES = 1_048_576;

/** `neson site put FILE`: a website with all its settings as a file says, whatever it had before. */
export function addSitePut(site: Command): void {
  const command = site
    .command("put")
    .description(
      "put a website with all its settings behind the network, as a file has them; replaces one of the same name",
    )
    .argument(
      "<file>",
      'JSON as "neson site show NAME --json" prints it, and docs/operate/sites.md explains; - reads standard input',
    );
  addApiFlags(command).action(async (file: string, flags: Record<string, unknown>) => {
    const settings = await readSettings(file);
    const { name } = settings;
    if (typeof name !== "string") throw unusable(file, "an object without a name");
    const answer = await (await openApiOf(flags)).call("PUT", `/sites/${encodeURIComponent(name)}`, { body: settings });
    const put = read(sentSiteSchema, answer);
    print(flags, put, `site ${put.name}: ${put.hosts.join(", ")} → ${put.origin}`);
  });
}

async function readSettings(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = file === "-" ? await Bun.stdin.text() : await readFile(file, "utf8");
  } catch (error) {
    throw unusable(file, describeError(error));
  }
  if (Buffer.byteLength(text) > MAX_BYTES) throw unusable(file, `more than ${MAX_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unusable(file, describeError(error));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unusable(file, "no object");
  return value as Record<string, unknown>;
}

function unusable(file: string, found: string): NesonError {
  const message = `reading a site's settings from ${file === "-" ? "standard input" : file}: found ${found}, allowed: one site as a JSON object`;
  return new NesonError("bad-site-file", message, { fault: "operator" });
}
