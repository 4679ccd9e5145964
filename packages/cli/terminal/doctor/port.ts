import { canListen } from "../../up/hosts.ts";
import { type Finding, fail, ok } from "./finding.ts";

/** Where a Terminal is to listen. */
export interface ListenPlace {
  listenHost: string;
  listenPort: number;
}

/** Whether the port can be listened on, or the running Terminal has it already. */
export async function checkPort({ listenHost, listenPort }: ListenPlace, isRunning: boolean): Promise<Finding> {
  const place = `${listenHost.includes(":") ? `[${listenHost}]` : listenHost}:${listenPort}`;
  if (listenPort === 0) return ok("port", "any free one (--listen-port 0)");
  if (await canListen(listenHost, listenPort)) {
    return ok("port", isRunning ? `${place} is free; the running Terminal listens elsewhere` : `${place} is free`);
  }
  if (isRunning) return ok("port", `${place} is in use while the Terminal runs`);
  const who = process.platform === "win32" ? "netstat -ano" : `ss -ltnp 'sport = :${listenPort}'`;
  const remedy = `Stop the program that has it (${who} names it), or choose another port with --listen-port. Ports below 1024 and foreign addresses cannot be opened by every user.`;
  return fail("port", `${place} cannot be listened on`, remedy);
}
