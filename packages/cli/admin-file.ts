import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { NesonError } from "@neson/kit/error";
import { z } from "zod";
import type { ApiPlace } from "./api-client.ts";

const schema = z.object({ url: z.url({ protocol: /^https?$/ }), token: z.string().min(1).max(200) });

/**
 * Where the Router is whose data directory that is, by its `admin.json`.
 * @throws NesonError `no-router` (operator) when there is no such file or it cannot be read
 */
export async function readAdminFile(routerDataDir: string): Promise<ApiPlace> {
  const path = join(routerDataDir, "admin.json");
  try {
    const { url, token } = schema.parse(JSON.parse(await readFile(path, "utf8")));
    return { url, key: token };
  } catch (cause) {
    const message = `reading ${path} failed; name the data directory of a Router that has run, with --data`;
    throw new NesonError("no-router", message, { fault: "operator", cause });
  }
}
