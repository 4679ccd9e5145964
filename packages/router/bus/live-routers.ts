import type { Clock } from "@neson/kit/clock";
import type { Bus } from "./bus.ts";
import type { Signal } from "./message.ts";

/** How often a Router says that it lives. */
const BEAT_MS = 1000;
/** One that said nothing for so long, on a bus that works, is gone. */
export const SILENCE_MS = 3500;
/** More Routers than this are not believed. */
const MAX_ROUTERS = 64;

/** Another Router of the network. */
export interface LiveRouter {
  routerId: string;
  /** Where Terminals reach it. */
  controlUrl: string;
  /** Terminals connected to it. */
  terminals: number;
}

/** What knowing the others needs. */
export interface LiveRoutersDeps {
  bus: Pick<Bus, "signal" | "isConnected">;
  /** What this Router says of itself. */
  self: () => { controlUrl: string; terminals: number };
  clock: Clock;
}

/**
 * Which other Routers live, by what they say each second. While this one is out of touch nobody counts as gone: silence then says nothing of the others.
 */
export class LiveRouters implements Disposable {
  readonly #deps: LiveRoutersDeps;
  readonly #others = new Map<string, LiveRouter & { heardAtMs: number }>();
  #timer: NodeJS.Timeout | undefined;
  #inTouchSinceMs: number | undefined;
  /** The list is another one. */
  onChanged: () => void = () => {};
  /** It is gone, and had not said that it would go. */
  onLost: (routerId: string) => void = () => {};
  /** It is gone, for whatever reason. */
  onGone: (routerId: string) => void = () => {};

  constructor(deps: LiveRoutersDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.tick();
    this.#timer = setInterval(() => this.tick(), BEAT_MS);
  }

  /** The others that live, in the order of their ids. */
  others(): LiveRouter[] {
    const list = [...this.#others.values()].map(({ routerId, controlUrl, terminals }) => ({
      routerId,
      controlUrl,
      terminals,
    }));
    return list.sort((a, b) => (a.routerId < b.routerId ? -1 : 1));
  }

  /** Routers of the network that live, this one among them. */
  count(): number {
    return this.#others.size + 1;
  }

  hear(signal: Extract<Signal, { type: "beat" | "bye" }>, from: string): void {
    if (signal.type === "bye") {
      this.#drop(from);
      return;
    }
    const known = this.#others.get(from);
    if (known === undefined && this.#others.size >= MAX_ROUTERS) return;
    const { controlUrl, terminals } = signal;
    this.#others.set(from, { routerId: from, controlUrl, terminals, heardAtMs: this.#deps.clock.nowMs() });
    // It has not heard of this one either.
    if (known === undefined) this.#beat();
    if (known?.controlUrl !== controlUrl) this.onChanged();
  }

  /** Says that this Router lives, and looks who does not any more. */
  tick(): void {
    const { bus, clock } = this.#deps;
    const nowMs = clock.nowMs();
    this.#beat();
    if (!bus.isConnected) {
      this.#inTouchSinceMs = undefined;
      return;
    }
    const sinceMs = this.#inTouchSinceMs ?? nowMs;
    this.#inTouchSinceMs = sinceMs;
    for (const { routerId, heardAtMs } of [...this.#others.values()]) {
      if (nowMs - Math.max(heardAtMs, sinceMs) <= SILENCE_MS) continue;
      this.#drop(routerId);
      this.onLost(routerId);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#deps.bus.signal({ type: "bye" });
  }

  #beat(): void {
    this.#deps.bus.signal({ type: "beat", ...this.#deps.self() });
  }

  #drop(routerId: string): void {
    if (!this.#others.delete(routerId)) return;
    this.onGone(routerId);
    this.onChanged();
  }
}
