import type { Release } from "@neson/protocol/release";
import type { ConnectedTerminal } from "./connected-terminal.ts";
import type { Registry } from "./registry.ts";

/** Where releases come from. */
export interface ReleaseSource {
  current(): object | undefined;
  forTerminal(terminalId: string, version: string): Release | undefined;
}

/** Announces releases to Terminals whose turn it is: after `welcome`, and when what is released changes. */
export class Updates {
  readonly #releases: ReleaseSource;
  readonly #registry: Pick<Registry, "all">;
  #seen: object | undefined;

  constructor(deps: { releases: ReleaseSource; registry: Pick<Registry, "all"> }) {
    this.#releases = deps.releases;
    this.#registry = deps.registry;
    this.#seen = deps.releases.current();
  }

  /** Tells one Terminal, if there is something newer for it. */
  tell(terminal: ConnectedTerminal): void {
    const version = terminal.introduction?.version;
    if (version === undefined) return;
    const release = this.#releases.forTerminal(terminal.id, version);
    if (release !== undefined) terminal.send({ type: "update", release });
  }

  /** Called about each second. */
  look(): void {
    const current = this.#releases.current();
    if (current === this.#seen) return;
    this.#seen = current;
    for (const terminal of this.#registry.all()) this.tell(terminal);
  }
}
