import { httpUrlOf } from "@neson/kit/address";
import {
  addFlags,
  defineOptions,
  listenHostSchema,
  option,
  portSchema,
  readEnvironment,
  readOptions,
} from "@neson/kit/config";
import { serveHttp } from "@neson/kit/http/server";
import { runService } from "@neson/kit/lifecycle";
import { createLog } from "@neson/kit/log";
import type { Command } from "commander";
import { loadDemoSite } from "../demo/demo-site.ts";

const GRACE_MS = 1000;

const demoOptions = defineOptions({
  listenHost: option({
    schema: listenHostSchema,
    flag: "--listen-host",
    env: "NESON_DEMO_LISTEN_HOST",
    doc: "address to serve on",
    default: "127.0.0.1",
  }),
  port: option({
    schema: portSchema,
    flag: "--port",
    env: "NESON_DEMO_PORT",
    doc: "port of the demo site; 0 takes a free one",
    default: "8088",
  }),
});

/** `neson demo-origin`: the website that `neson up` puts behind the network when none is named. */
export function addDemoOrigin(program: Command): void {
  const command = program
    .command("demo-origin")
    .description("serve the demo website alone: a page, a video, images and a large download");
  addFlags(command, demoOptions)
    .option("--ready-file <file>", "write JSON with the site's URL here once it serves")
    .action((flags: Record<string, unknown> & { readyFile?: string }) =>
      runService(
        async () => {
          const { listenHost: hostname, port } = readOptions(demoOptions, { flags, env: readEnvironment() });
          const log = createLog({ name: "demo-origin", level: "warn" });
          const limits = { graceMs: GRACE_MS };
          const server = await serveHttp({ hostname, port, handle: await loadDemoSite(), log, limits });
          const url = httpUrlOf(hostname, server.port);
          process.stdout.write(`the demo site is at ${url}/\n`);
          return { ready: { url }, [Symbol.asyncDispose]: () => server.stop() };
        },
        { readyFile: flags.readyFile },
      ),
    );
}
