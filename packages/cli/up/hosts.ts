import { createServer } from "node:net";

/** Where one local Terminal listens, and under which host name viewers reach it. */
export interface TerminalHost {
  listen: string;
  name: string;
}

/**
 * Distinct hosts for Terminals on one machine: 127.0.0.2 and on, where the system lets them be bound (Linux, Windows); else names
 * under .localhost, which browsers and curl take to this machine.
 */
export async function terminalHosts(count: number): Promise<TerminalHost[]> {
  if (await canListen("127.0.0.2", 0)) {
    return Array.from({ length: count }, (_, index) => ({
      listen: `127.0.0.${index + 2}`,
      name: `127.0.0.${index + 2}`,
    }));
  }
  return Array.from({ length: count }, (_, index) => ({
    listen: "127.0.0.1",
    name: `terminal-${index + 1}.localhost`,
  }));
}

/** True when nobody listens there and this process may. */
export function canListen(host: string, port: number): Promise<boolean> {
  return freePort(host, port).then(
    () => true,
    () => false,
  );
}

/** The port itself if it is free; for port 0, one that is. Rejects when it cannot be listened on. */
export function freePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : port));
    });
  });
}
