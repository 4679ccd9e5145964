import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { Standing } from "@neson/protocol/standing";
import type { Meter } from "../meter/meter.ts";
import type { ConnectedTerminal } from "./connected-terminal.ts";
import type { Registry } from "./registry.ts";
import type { Tracks } from "./tracks.ts";

/** A Terminal is told of changes at most this often. */
const GAP_MS = 30_000;
/** Standings read from the database in one look, so that a Router with many Terminals does nothing else for but a moment. */
const MAX_PER_LOOK = 50;

/** What standings are made of. */
export interface StandingsDeps {
  registry: Pick<Registry, "get">;
  meter: Pick<Meter, "earnings">;
  tracks: Pick<Tracks, "of">;
  clock: Clock;
  log: Log;
}

/** Tells Terminals how they stand: after `welcome`, and when it changed. */
export class Standings {
  readonly #deps: StandingsDeps;
  readonly #toldAtMs = new WeakMap<ConnectedTerminal, number>();
  /** Terminals whose standing changed since they were told, longest waiting first. */
  readonly #changed = new Set<string>();

  constructor(deps: StandingsDeps) {
    this.#deps = deps;
  }

  /** How a Terminal stands, connected or not. */
  async of(terminalId: string): Promise<Standing> {
    const { meter, tracks } = this.#deps;
    return { tracks: await tracks.of(terminalId), ...(await meter.earnings(terminalId)) };
  }

  /** Something of its standing is different now. */
  noteChanged(terminalId: string): void {
    this.#changed.add(terminalId);
  }

  /** Sends it now. Never rejects: a failure is logged. */
  async tell(terminal: ConnectedTerminal): Promise<void> {
    this.#changed.delete(terminal.id);
    this.#toldAtMs.set(terminal, this.#deps.clock.nowMs());
    try {
      terminal.send({ type: "standing", ...(await this.of(terminal.id)) });
    } catch (error) {
      this.#deps.log.error({ err: error, terminal: terminal.id }, `telling a standing failed: ${describeError(error)}`);
    }
  }

  /** Called about each second: tells those whose standing changed and who were told nothing for a while. */
  async look(): Promise<void> {
    const nowMs = this.#deps.clock.nowMs();
    let told = 0;
    for (const terminalId of [...this.#changed]) {
      const terminal = this.#deps.registry.get(terminalId);
      if (terminal === undefined) {
        this.#changed.delete(terminalId);
        continue;
      }
      if (nowMs - (this.#toldAtMs.get(terminal) ?? Number.NEGATIVE_INFINITY) < GAP_MS) continue;
      await this.tell(terminal);
      told += 1;
      if (told >= MAX_PER_LOOK) return;
    }
  }
}
