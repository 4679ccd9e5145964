import type { Clock } from "@neson/kit/clock";
import type { Meter } from "../meter/meter.ts";
import type { Registry } from "../registry/registry.ts";

/** Where the status figures come from. */
export interface StatusDeps {
  registry: Registry;
  meter: Meter;
  /** The edge's counters since this process started. */
  counters: () => object;
  /** Entries, objects and shield bytes. */
  stored: () => Promise<object>;
  /** The network's other Routers that live, and whether this one hears them. */
  routers: () => object;
  clock: Clock;
}

/** The figures of `GET /api/v1/status`: what the live table of `neson up` shows. */
export function createStatus(deps: StatusDeps): () => Promise<object> {
  const startedAtMs = deps.clock.nowMs();
  return async () => {
    const totals = await deps.meter.totals();
    const paidOf = (terminalId: string) =>
      totals.filter((total) => total.terminalId === terminalId).reduce((sum, total) => sum + total.paidBytes, 0);
    const nowSeconds = Math.floor(deps.clock.nowMs() / 1000);
    return {
      uptimeSeconds: Math.floor((deps.clock.nowMs() - startedAtMs) / 1000),
      edge: deps.counters(),
      stored: await deps.stored(),
      routers: deps.routers(),
      meter: {
        paidBytes: totals.reduce((sum, total) => sum + total.paidBytes, 0),
        paidTickets: totals.reduce((sum, total) => sum + total.paidTickets, 0),
        byTerminal: Object.fromEntries(totals.map(({ terminalId }) => [terminalId, paidOf(terminalId)])),
      },
      terminals: deps.registry.all().map((terminal) => ({
        id: terminal.id,
        endpoint: terminal.endpoint,
        version: terminal.introduction?.version,
        hardware: terminal.introduction?.hardware,
        refusesSaves: terminal.report?.refusesSaves,
        connectedSeconds: Math.floor((deps.clock.nowMs() - terminal.connectedAtMs) / 1000),
        utilisation: terminal.utilisation(nowSeconds),
        storedObjects: terminal.report?.objectCount ?? 0,
        remainingBytes: terminal.report?.remainingBytes ?? 0,
        openTransfers: terminal.report?.openTransfers ?? 0,
        egressBytesPerSecond: terminal.report?.egressBytesPerSecond ?? 0,
        paidBytes: paidOf(terminal.id),
      })),
    };
  };
}
