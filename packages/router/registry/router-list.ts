import { MAX_ROUTERS_TOLD } from "@neson/protocol/router-messages";
import type { ConnectedTerminal } from "./connected-terminal.ts";
import type { Registry } from "./registry.ts";

/** Tells Terminals where the network's other Routers are, so that they connect to each of them. */
export class RouterList {
  readonly #deps: { registry: Pick<Registry, "all">; urls: () => readonly string[] };
  #told = "";

  /** `urls` are the control URLs of the other Routers that live. */
  constructor(deps: { registry: Pick<Registry, "all">; urls: () => readonly string[] }) {
    this.#deps = deps;
  }

  /** To one that was just let in. */
  tell(terminal: ConnectedTerminal): void {
    const urls = this.#urls();
    if (urls.length > 0) terminal.send({ type: "routers", urls });
  }

  /** To all of them, if the list is another one than it was. */
  changed(): void {
    const urls = this.#urls();
    const told = urls.join(" ");
    if (told === this.#told) return;
    this.#told = told;
    for (const terminal of this.#deps.registry.all()) terminal.send({ type: "routers", urls });
  }

  #urls(): string[] {
    return [...new Set(this.#deps.urls())].sort().slice(0, MAX_ROUTERS_TOLD);
  }
}
