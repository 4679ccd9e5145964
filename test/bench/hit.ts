import { join } from "node:path";
import { openHitStage, ROWS } from "./hit-stage.ts";
import type { Effort } from "./measure.ts";
import { startNginxCache, startVarnish } from "./peers.ts";
import { startTrafficServer } from "./traffic-server.ts";

/**
 * A Terminal with everything on (tickets checked, claims counted and sent, its fields added) against caching proxies, over plain
 * HTTP/1.1.
 * @param directory an empty directory for all files of the run
 */
export async function benchHit(
  { effort, directory, print }: { effort: Effort; directory: string; print: (line: string) => void },
  signal: AbortSignal,
): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const stage = await openHitStage({ directory }, signal, parts);
  const own = (name: string) => ({ directory: join(directory, name), signal });
  const peers = [
    parts.use(await startNginxCache(stage.originUrl, "plain", own("nginx"))),
    parts.use(await startNginxCache(stage.originUrl, "tuned", own("nginx-tuned"))),
    parts.use(await startVarnish(stage.originPort, own("varnish"))),
    parts.use(await startTrafficServer(stage.originUrl, own("traffic-server"))),
  ];
  await stage.compare(ROWS, peers, { effort, print });
  stage.requireClaims();
}
