import type { Settings } from "../store/settings.ts";
import type { Welcome } from "./session.ts";

const EDGE_SCHEME_SETTING = "edge-scheme";

/** What the Router laid down in its last welcome. */
export class Terms {
  readonly #settings: Settings;
  #edgeScheme: "http" | "https";
  #maxObjectBytes = Number.MAX_SAFE_INTEGER;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#edgeScheme = settings.get(EDGE_SCHEME_SETTING) === "http" ? "http" : "https";
  }

  /** Scheme of the URLs that clients are sent back to. Kept over a restart, as the ticket keys are. */
  get edgeScheme(): "http" | "https" {
    return this.#edgeScheme;
  }

  /** No larger object is saved here. */
  get maxObjectBytes(): number {
    return this.#maxObjectBytes;
  }

  accept({ edgeScheme, limits }: Welcome): void {
    this.#edgeScheme = edgeScheme;
    this.#maxObjectBytes = limits.maxObjectBytes;
    this.#settings.set(EDGE_SCHEME_SETTING, edgeScheme);
  }
}
