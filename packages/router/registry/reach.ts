import type { Clock } from "@neson/kit/clock";
import type { Log } from "@neson/kit/log";
import type { ConnectedTerminal } from "./connected-terminal.ts";
import type { DialBack } from "./dial-back.ts";
import type { Registry } from "./registry.ts";

/** A Terminal that viewers were sent to so long ago, and that has claimed nothing since, may be giving them no answer. */
const SUSPECT_MS = 3000;
/** How long it may take to answer then. Shorter than at its `hello`: viewers wait meanwhile. */
const ANSWER_MS = 2500;
/** Calls in a row that have to fail before nobody is sent there: one packet may get lost. */
const MISSES = 2;
/** One that answers, but claims nothing, is not called more often than this. */
const CALM_MS = 10_000;
/** Nobody is sent there: when it is called again, doubled each time, and at the latest. */
const RETRY_MS = 2000;
const MAX_RETRY_MS = 60_000;
/** Calls under way at once. */
const MAX_CALLS = 50;
/** From so many Terminals on, more than half of them cannot all be at fault: then it is taken to be this Router's own line. */
const MANY = 4;

interface Reached {
  misses: number;
  nextCallMs: number;
  isCalled: boolean;
  /** Why the last call failed. */
  reason: string;
}

/** What watching calls on. */
export interface ReachDeps {
  registry: Pick<Registry, "all">;
  dialBack: DialBack;
  /** Nobody is sent to that Terminal from now on. */
  onLost: (terminal: ConnectedTerminal, reason: string) => void;
  clock: Clock;
  log: Log;
}

/**
 * Finds Terminals that viewers get no answer from although their control channel is well: a firewall, a full table, a process that is stuck. No client
 * tells of that, so a Terminal that claims nothing of what it was given tickets for is dialled again, and gets no ticket until it answers.
 */
export class Reach {
  readonly #deps: ReachDeps;
  readonly #known = new WeakMap<ConnectedTerminal, Reached>();
  #calls = 0;
  /** Where the next look begins, so that each has its turn where many are suspect. */
  #first = 0;
  #isOwnFault = false;

  constructor(deps: ReachDeps) {
    this.#deps = deps;
  }

  /** Called about each second. */
  look(): void {
    const nowMs = this.#deps.clock.nowMs();
    const all = this.#deps.registry.all();
    for (const terminal of [...all.slice(this.#first), ...all.slice(0, this.#first)]) {
      if (this.#calls >= MAX_CALLS) {
        this.#first = all.indexOf(terminal);
        break;
      }
      const reached = this.#of(terminal);
      if (!reached.isCalled && nowMs >= reached.nextCallMs && isSuspect(terminal, reached, nowMs)) {
        void this.#call(terminal, reached);
      }
    }
    this.#judge();
  }

  async #call(terminal: ConnectedTerminal, reached: Reached): Promise<void> {
    const { dialBack, clock } = this.#deps;
    const publicKey = terminal.introduction?.publicKey ?? "";
    this.#calls += 1;
    reached.isCalled = true;
    const refused = await dialBack({ endpoint: terminal.endpoint, publicKey }, ANSWER_MS);
    reached.isCalled = false;
    this.#calls -= 1;
    if (refused === undefined) {
      reached.misses = 0;
      reached.nextCallMs = clock.nowMs() + CALM_MS;
      terminal.awaitedSinceMs = undefined;
    } else {
      reached.misses += 1;
      reached.reason = refused.message;
      reached.nextCallMs = clock.nowMs() + pauseMs(reached.misses);
      // At once: whoever is sent there meanwhile waits in vain.
      if (reached.misses < MISSES) void this.#call(terminal, reached);
    }
    this.#judge();
  }

  #judge(): void {
    const { registry, onLost, log } = this.#deps;
    const all = registry.all();
    const isLost = (terminal: ConnectedTerminal) => (this.#known.get(terminal)?.misses ?? 0) >= MISSES;
    const lost = all.filter(isLost).length;
    const isOwnFault = all.length >= MANY && 2 * lost > all.length;
    if (isOwnFault && !this.#isOwnFault) {
      log.error(
        { lost, terminals: all.length },
        "most Terminals give no answer: is it this Router's own network? Viewers go on being sent to them",
      );
    }
    this.#isOwnFault = isOwnFault;
    for (const terminal of all) {
      const isUnreachable = !isOwnFault && isLost(terminal);
      if (terminal.isUnreachable === isUnreachable) continue;
      terminal.isUnreachable = isUnreachable;
      const who = { terminal: terminal.id, endpoint: terminal.endpoint };
      if (isUnreachable) {
        const { reason } = this.#of(terminal);
        log.warn({ ...who, reason }, "a Terminal gives no answer: nobody is sent there until it does");
        onLost(terminal, reason);
      } else log.info(who, "a Terminal that gave no answer is sent viewers again");
    }
  }

  #of(terminal: ConnectedTerminal): Reached {
    let reached = this.#known.get(terminal);
    if (reached === undefined) {
      reached = { misses: 0, nextCallMs: 0, isCalled: false, reason: "" };
      this.#known.set(terminal, reached);
    }
    return reached;
  }
}

function isSuspect({ awaitedSinceMs }: ConnectedTerminal, { misses }: Reached, nowMs: number): boolean {
  return misses > 0 || (awaitedSinceMs !== undefined && nowMs - awaitedSinceMs >= SUSPECT_MS);
}

function pauseMs(misses: number): number {
  return Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.max(0, misses - MISSES));
}
