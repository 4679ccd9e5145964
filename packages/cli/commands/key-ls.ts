import { type KeyAnswer, keySchema } from "@neson/router/api/calls/keys";
import type { Command } from "commander";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";
import { textTable } from "../text-table.ts";

/** `neson key ls`: the keys of the control API, without their secrets. */
export function addKeyLs(key: Command): void {
  const command = key.command("ls").description("list the keys, without their secrets");
  addApiFlags(command).action(async (flags: Record<string, unknown>) => {
    const keys = await (await openApiOf(flags)).list("/keys", "keys", keySchema);
    const headings = ["id", "name", "scopes", "sites", "last used", "state"];
    const none = "no keys yet; make one with: neson key add";
    print(flags, keys, keys.length === 0 ? none : textTable(headings, keys.map(cells)));
  });
}

function cells(key: KeyAnswer): string[] {
  const sites = key.sites?.join(", ") ?? "all";
  return [key.id, key.name, key.scopes.join(", "), sites, minuteOf(key.lastUsedAt) ?? "never", stateOf(key)];
}

function stateOf({ isActive, revokedAt, expiresAt }: KeyAnswer): string {
  if (revokedAt !== undefined) return `revoked ${minuteOf(revokedAt)}`;
  if (expiresAt === undefined) return "active";
  return isActive ? `active until ${minuteOf(expiresAt)}` : `expired ${minuteOf(expiresAt)}`;
}

/** "2026-11-23 08:15Z" */
function minuteOf(time: string | undefined): string | undefined {
  return time === undefined ? undefined : `${time.slice(0, 16).replace("T", " ")}Z`;
}
