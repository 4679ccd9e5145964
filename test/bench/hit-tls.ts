import { join } from "node:path";
import { makeCertificateFiles } from "./certificate.ts";
import { openHitStage, ROWS } from "./hit-stage.ts";
import type { Effort } from "./measure.ts";
import { startNginxCache } from "./peers.ts";

/**
 * A Terminal with everything on against nginx as a caching proxy, both over TLS with the same certificate: HTTP/1.1, then HTTP/2.
 * @param directory an empty directory for all files of the run
 */
export async function benchHitTls(
  { effort, directory, print }: { effort: Effort; directory: string; print: (line: string) => void },
  signal: AbortSignal,
): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const certificate = await makeCertificateFiles(directory);
  const stage = await openHitStage({ directory, certificate }, signal, parts);
  const own = { directory: join(directory, "nginx"), signal };
  const nginx = parts.use(await startNginxCache(stage.originUrl, "plain", own, certificate));
  const rows = ROWS.map((row) => ({ ...row, wanted: ">= 1.0x" }));
  print("TLS, HTTP/1.1");
  await stage.compare(rows, [nginx], { effort, print });
  print("TLS, HTTP/2");
  await stage.compare(rows, [nginx], { effort, print, isHttp2: true });
  stage.requireClaims();
}
