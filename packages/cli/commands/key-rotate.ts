import { durationSchema } from "@neson/kit/config";
import { NesonError } from "@neson/kit/error";
import { newKeySchema } from "@neson/router/api/calls/keys";
import type { Command } from "commander";
import { read } from "../api-client.ts";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";

/** `neson key rotate ID`: a new key in the place of another, which goes on working for a while. */
export function addKeyRotate(key: Command): void {
  const command = key
    .command("rotate")
    .description("make a key that takes the place of another; it is printed once and stored nowhere")
    .argument("<id>", "the key's id")
    .option("--overlap <duration>", "how long the old one goes on working", "1d");
  addApiFlags(command).action(async (id: string, flags: Record<string, unknown>) => {
    const overlap = durationSchema.safeParse(flags.overlap);
    if (!overlap.success) {
      const message = `option --overlap: found ${JSON.stringify(flags.overlap)}, allowed: ${durationSchema.description}`;
      throw new NesonError("bad-option", message, { fault: "operator" });
    }
    const body = { overlapSeconds: Math.floor(overlap.data / 1000) };
    const answer = await (await openApiOf(flags)).call("POST", `/keys/${encodeURIComponent(id)}/rotate`, { body });
    const made = read(newKeySchema, answer);
    print(flags, made, made.secret);
    if (flags.json !== true) {
      process.stderr.write(`key ${made.key.id} takes the place of ${id}; this is the only time it is shown\n`);
    }
  });
}
