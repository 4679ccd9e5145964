import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CertificateFiles } from "./certificate.ts";
import { answers, freePort, SERVER_CORE, type StartedProcess, startPinned } from "./processes.ts";
import { findProgram } from "./requirements.ts";
import { fillTemplate } from "./template.ts";

/** A server under test. */
export interface Peer extends StartedProcess {
  name: string;
  /** Without a slash at its end. */
  url: string;
}

interface PeerOptions {
  /** A directory for all its files; made if need be. */
  directory: string;
  signal: AbortSignal;
}

/**
 * nginx with proxy_cache before the origin. The tuned one keeps cached files open and reads those under `/large/` in big blocks instead
 * of sendfile: on a machine whose cache directory is in memory anyway, the fastest that nginx can do with a few hot files.
 * @param certificate serves HTTPS with HTTP/1.1 and HTTP/2 instead of plain HTTP
 */
export function startNginxCache(
  origin: string,
  flavour: "plain" | "tuned",
  options: PeerOptions,
  certificate?: CertificateFiles,
): Promise<Peer> {
  const tuned = flavour === "tuned";
  const openFiles = tuned ? "open_file_cache max=1000 inactive=1h; open_file_cache_valid 1h;" : "";
  const largeFiles = tuned ? "sendfile off; output_buffers 2 512k;" : "";
  const tls =
    certificate === undefined
      ? ""
      : `ssl_certificate ${certificate.certFile}; ssl_certificate_key ${certificate.keyFile};`;
  const name = tuned ? "nginx tuned" : "nginx";
  return startNginx(name, "nginx-cache.conf", { origin, openFiles, largeFiles, tls }, options);
}

/** nginx answering everything with one redirect. */
export function startNginxRedirect(
  answer: { location: string; fields: [string, string][] },
  options: PeerOptions,
): Promise<Peer> {
  const fields = answer.fields.map(([name, value]) => `      add_header ${name} ${quoted(value)};`).join("\n");
  return startNginx("nginx return 302", "nginx-redirect.conf", { location: answer.location, fields }, options);
}

async function startNginx(
  name: string,
  templateName: string,
  values: Record<string, string>,
  { directory, signal }: PeerOptions,
): Promise<Peer> {
  await mkdir(directory, { recursive: true });
  const port = freePort();
  // Started by root, nginx would change to a user who cannot enter the directory of this run.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const template = await Bun.file(join(import.meta.dir, templateName)).text();
  const configFile = join(directory, "nginx.conf");
  await writeFile(
    configFile,
    fillTemplate(template, { ...values, directory, port, user, http2: values.tls ? "ssl http2" : "" }),
  );
  const url = `${values.tls ? "https" : "http"}://127.0.0.1:${port}`;
  const command = [findProgram("nginx") ?? "nginx", "-p", directory, "-c", configFile];
  const started = await startPinned("nginx", { core: SERVER_CORE, command, isReady: () => answers(url), signal });
  return { ...started, name, url };
}

/** Varnish with its objects in memory. */
export async function startVarnish(originPort: number, { directory, signal }: PeerOptions): Promise<Peer> {
  await mkdir(directory, { recursive: true });
  const port = freePort();
  const template = await Bun.file(join(import.meta.dir, "cache.vcl")).text();
  const vclFile = join(directory, "cache.vcl");
  await writeFile(vclFile, fillTemplate(template, { originPort }));
  const url = `http://127.0.0.1:${port}`;
  const command = [
    ...[findProgram("varnishd") ?? "varnishd", "-F", "-n", join(directory, "work"), "-j", "none"],
    ...["-a", `127.0.0.1:${port}`, "-T", "none", "-f", vclFile, "-s", "malloc,512m"],
    ...["-p", "thread_pools=1", "-p", "timeout_idle=300"],
  ];
  const started = await startPinned("Varnish", { core: SERVER_CORE, command, isReady: () => answers(url), signal });
  return { ...started, name: "Varnish", url };
}

/** For nginx a dollar sign begins a variable: none may be left in a constant. */
function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&").replaceAll("$", "")}"`;
}
