import { addFlags } from "@neson/kit/config";
import { routerOptions } from "@neson/router/config";
import { runRouter } from "@neson/router/main";
import type { Command } from "commander";

/** `neson router run`: one Router, until it is told to stop. */
export function addRouterRun(router: Command): void {
  const command = router
    .command("run")
    .description("answer for websites: cache, steer viewers to Terminals, pay for what they send");
  addFlags(command, routerOptions)
    .option("--ready-file <file>", "write JSON with the Router's addresses here once it serves")
    .action((flags: Record<string, unknown> & { readyFile?: string }) =>
      runRouter(flags, { readyFile: flags.readyFile }),
    );
}
