import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Peer } from "./peers.ts";
import { answers, freePort, SERVER_CORE, startPinned } from "./processes.ts";
import { findProgram } from "./requirements.ts";

/** Apache Traffic Server with one thread and its cache in memory as well as on disk. */
export async function startTrafficServer(
  origin: string,
  { directory, signal }: { directory: string; signal: AbortSignal },
): Promise<Peer> {
  const port = freePort();
  const etc = join(directory, "etc");
  for (const name of ["etc", "var", "run", "log", "cache"]) await mkdir(join(directory, name), { recursive: true });
  const runroot = join(directory, "runroot.yaml");
  await writeFile(runroot, layout(directory));
  await writeFile(join(etc, "records.config"), records(port));
  await writeFile(join(etc, "remap.config"), `map / ${origin}/\n`);
  await writeFile(join(etc, "storage.config"), `${join(directory, "cache")} 1G\n`);
  const allow = ["ip_allow:", "  - apply: in", "    ip_addrs: 127.0.0.1", "    action: allow", "    methods: ALL", ""];
  await writeFile(join(etc, "ip_allow.yaml"), allow.join("\n"));
  const url = `http://127.0.0.1:${port}`;
  const command = ["env", `TS_RUNROOT=${runroot}`, findProgram("traffic_server") ?? "traffic_server"];
  const started = await startPinned("Traffic Server", {
    core: SERVER_CORE,
    command,
    isReady: () => answers(url),
    signal,
  });
  return { ...started, name: "Traffic Server", url };
}

/** Keeps everything it writes in this run's directory, and takes programs and modules from where Debian has them. */
function layout(directory: string): string {
  const places = {
    prefix: directory,
    exec_prefix: "/usr",
    bindir: "/usr/bin",
    sbindir: "/usr/sbin",
    sysconfdir: join(directory, "etc"),
    datadir: "/usr/share/trafficserver",
    includedir: "/usr/include",
    libdir: "/usr/lib",
    libexecdir: "/usr/lib/trafficserver/modules",
    localstatedir: join(directory, "var"),
    runtimedir: join(directory, "run"),
    logdir: join(directory, "log"),
    cachedir: join(directory, "cache"),
  };
  return Object.entries(places)
    .map(([name, path]) => `${name}: ${path}\n`)
    .join("");
}

function records(port: number): string {
  const settings: [string, "INT" | "STRING", string | number][] = [
    ["http.server_ports", "STRING", `${port}:ip-in=127.0.0.1`],
    ["exec_thread.autoconfig", "INT", 0],
    ["exec_thread.limit", "INT", 1],
    ["accept_threads", "INT", 0],
    ["cache.ram_cache.size", "INT", 512 * 1024 * 1024],
    ["cache.ram_cache_cutoff", "INT", 128 * 1024 * 1024],
    ["url_remap.remap_required", "INT", 1],
    ["log.logging_enabled", "INT", 0],
    ["admin.user_id", "STRING", "#-1"],
    ["http.keep_alive_no_activity_timeout_in", "INT", 300],
    ["http.cache.required_headers", "INT", 0],
  ];
  return settings.map(([name, kind, value]) => `CONFIG proxy.config.${name} ${kind} ${value}\n`).join("");
}
