import { join } from "node:path";
import { type AdminClient, openAdminClient } from "../../packages/cli/admin-client.ts";
import { readAdminFile } from "../../packages/cli/admin-file.ts";
import { type ApiClient, openApi } from "../../packages/cli/api-client.ts";
import { type Running, start, temporaryDirectory } from "../e2e/network.ts";
import { type NatsServer, startNats } from "./nats.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";

/** One Router in a process of its own. */
export interface TestRouter {
  url: string;
  controlUrl: string;
  dataDir: string;
  admin: AdminClient;
  api: ApiClient;
  running: Running;
}

/** Two Routers on one database and one NATS server, and as many Terminals as a test starts. */
export interface TwoRouters extends AsyncDisposable {
  a: TestRouter;
  b: TestRouter;
  postgres: PostgresServer;
  nats: NatsServer;
  directory: string;
  /** Starts a Terminal that is given these Routers; its endpoint. */
  startTerminal(name: string, routerUrls: readonly string[]): Promise<string>;
}

/** Starts them; the second one has the first one's keys. */
export async function startTwoRouters(): Promise<TwoRouters> {
  await using parts = new AsyncDisposableStack();
  const directory = parts.use(await temporaryDirectory()).path;
  const [postgres, nats] = await Promise.all([startPostgres(), startNats()]);
  parts.use(postgres);
  parts.use(nats);
  const startRouter = async (name: string, keysDir?: string): Promise<TestRouter> => {
    const dataDir = join(directory, name);
    const running = parts.use(
      start(
        [
          ...["router", "run", "--data", dataDir, "--listen-port", "0", "--control-port", "0"],
          ...["--allow-private-terminals", "--database-url", postgres.url, "--nats-url", nats.url],
          ...(keysDir === undefined ? [] : ["--keys", keysDir]),
        ],
        join(directory, `${name}.json`),
      ),
    );
    const { url, controlUrl } = await running.ready<{ url: string; controlUrl: string }>();
    const admin = await openAdminClient(dataDir);
    return { url, controlUrl, dataDir, admin, api: openApi(await readAdminFile(dataDir)), running };
  };
  const a = await startRouter("router-a");
  const b = await startRouter("router-b", a.dataDir);
  const running = parts.move();
  return {
    ...{ a, b, postgres, nats, directory },
    startTerminal: async (name, routerUrls) => {
      const place = ["--data", join(directory, name), "--listen-port", "0", "--panel-port", "0"];
      const routers = routerUrls.flatMap((url) => ["--router", url]);
      const terminal = running.use(start(["terminal", "run", ...place, ...routers], join(directory, `${name}.json`)));
      return (await terminal.ready<{ url: string }>()).url;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
