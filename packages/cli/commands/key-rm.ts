import type { Command } from "commander";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";

/** `neson key rm ID`: refuses a key from now on. */
export function addKeyRm(key: Command): void {
  const command = key
    .command("rm")
    .description("refuse a key from now on; forget it when it has ended already")
    .argument("<id>", "the key's id, as neson key ls shows it");
  addApiFlags(command).action(async (id: string, flags: Record<string, unknown>) => {
    await (await openApiOf(flags)).call("DELETE", `/keys/${encodeURIComponent(id)}`);
    print(flags, { removed: id }, `key ${id} is refused from now on`);
  });
}
