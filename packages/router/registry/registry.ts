import type { ConnectedTerminal } from "./connected-terminal.ts";

/** The Terminals that can be sent viewers right now. */
export interface Registry {
  /** The same array until membership changes; then a new one, with a higher `version`. */
  all(): readonly ConnectedTerminal[];
  version(): number;
  get(terminalId: string): ConnectedTerminal | undefined;
  add(terminal: ConnectedTerminal): void;
  /** Removes exactly this connection, not a later one of the same Terminal. */
  remove(terminal: ConnectedTerminal): void;
}

/** An empty registry. */
export function createRegistry(): Registry {
  const byId = new Map<string, ConnectedTerminal>();
  let list: readonly ConnectedTerminal[] = [];
  let version = 0;
  const changed = () => {
    list = [...byId.values()];
    version += 1;
  };
  return {
    all: () => list,
    version: () => version,
    get: (terminalId) => byId.get(terminalId),
    add: (terminal) => {
      byId.set(terminal.id, terminal);
      changed();
    },
    remove: (terminal) => {
      if (byId.get(terminal.id) !== terminal) return;
      byId.delete(terminal.id);
      changed();
    },
  };
}
