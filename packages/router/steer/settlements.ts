import type { Ticket } from "@neson/protocol/ticket";
import { MAX_SETTLED, type Signal } from "../bus/message.ts";
import type { ConnectedTerminal } from "../registry/connected-terminal.ts";
import type { Registry } from "../registry/registry.ts";

/** What is gathered is told together after so long. */
const GATHER_MS = 1000;

type Settled = Extract<Signal, { type: "settled" }>;

/** What settling works with. */
export interface SettlementsDeps {
  registry: Pick<Registry, "get">;
  /** First digits of every nonce of this Router's own tickets. */
  mark: string;
  signal: (signal: Signal) => void;
  nowSeconds: () => number;
}

/**
 * Takes paid bytes off what a Terminal is still expected to send. A Terminal claims at any Router, and each reckons with its own tickets: what was
 * claimed here on another's tickets is told to that one. Figures of a moment: one that is lost counts until its ticket expires.
 */
export class Settlements implements Disposable {
  readonly #deps: SettlementsDeps;
  /** Bytes by mark, then by Terminal and expiry. */
  readonly #others = new Map<string, Map<string, Settled["paid"][number]>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: SettlementsDeps) {
    this.#deps = deps;
  }

  /** Bytes were paid on a ticket. */
  note(terminal: ConnectedTerminal, { nonce, expiresAt }: Pick<Ticket, "nonce" | "expiresAt">, bytes: number): void {
    if (bytes === 0) return;
    const { mark, nowSeconds } = this.#deps;
    const minter = nonce.slice(0, mark.length);
    if (minter === mark) {
      settle(terminal, bytes, expiresAt, nowSeconds());
      return;
    }
    const paid = this.#others.get(minter) ?? new Map<string, Settled["paid"][number]>();
    this.#others.set(minter, paid);
    const id = `${terminal.id} ${expiresAt}`;
    paid.set(id, [terminal.id, expiresAt, (paid.get(id)?.[2] ?? 0) + bytes]);
    if (paid.size >= MAX_SETTLED) this.#tell();
    else this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS);
  }

  /** Another Router was claimed at. */
  take({ mark, paid }: Settled): void {
    if (mark !== this.#deps.mark) return;
    for (const [terminalId, expiresAt, bytes] of paid) {
      const terminal = this.#deps.registry.get(terminalId);
      if (terminal !== undefined) settle(terminal, bytes, expiresAt, this.#deps.nowSeconds());
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [mark, paid] of this.#others) this.#deps.signal({ type: "settled", mark, paid: [...paid.values()] });
    this.#others.clear();
  }
}

/** Bytes were sent on a ticket of this Router: its viewers do get answers there, those until now. */
function settle(terminal: ConnectedTerminal, bytes: number, expiresAt: number, nowSeconds: number): void {
  terminal.tickets.settle(bytes, expiresAt, nowSeconds);
  terminal.awaitedSinceMs = terminal.tickets.bytes(nowSeconds) > 0 ? 1000 * nowSeconds : undefined;
}
