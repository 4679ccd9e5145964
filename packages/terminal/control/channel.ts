import { backoffMs } from "@neson/kit/retry";
import type { TerminalMessage } from "@neson/protocol/messages";
import { type Introduction, Session, type SessionDeps, type SessionHandlers } from "./session.ts";

const RECONNECT = { baseMs: 100, maxMs: 10_000 } as const;

/** What a channel needs. */
export interface ChannelDeps extends SessionDeps {
  random: () => number;
}

/** Told when an open session is over. */
export interface ChannelHandlers extends SessionHandlers {
  onOffline(): void;
}

/** Whether a Router has this Terminal in, and how the last session ended that is over. */
export interface ChannelState {
  isConnected: boolean;
  lastRefusal?: { code: string; message: string; atMs: number } | undefined;
}

/** The control channel: one session after another for as long as the Terminal runs, with full jitter between them. */
export class Channel implements AsyncDisposable {
  readonly #deps: ChannelDeps;
  readonly #stopping = new AbortController();
  #session: Session | undefined;
  #loop: Promise<void> = Promise.resolve();
  #lastRefusal: ChannelState["lastRefusal"];

  constructor(deps: ChannelDeps) {
    this.#deps = deps;
  }

  /** Begins to connect, for ever. To be called once. */
  connect(introduction: Introduction, handlers: ChannelHandlers): void {
    this.#loop = this.#run(introduction, handlers);
  }

  get isOpen(): boolean {
    return this.#session?.isOpen === true;
  }

  get state(): ChannelState {
    return this.#lastRefusal === undefined
      ? { isConnected: this.isOpen }
      : { isConnected: this.isOpen, lastRefusal: this.#lastRefusal };
  }

  /** False when there is no open session: the message is lost then. */
  readonly send = (message: TerminalMessage): boolean => this.#session?.send(message) === true;

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new Error("the Terminal is stopping"));
    this.#session?.close("the Terminal is stopping");
    await this.#loop;
  }

  async #run(introduction: Introduction, handlers: ChannelHandlers): Promise<void> {
    const { clock, random } = this.#deps;
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
      const session = new Session(introduction, this.#deps, handlers);
      this.#session = session;
      const { wasWelcome, code, message } = await session.ended;
      this.#session = undefined;
      if (!this.#stopping.signal.aborted) this.#lastRefusal = { code, message, atMs: clock.nowMs() };
      handlers.onOffline();
      if (wasWelcome) attempt = 0;
      const pauseMs = backoffMs(attempt, { ...RECONNECT, random });
      await clock.sleep(pauseMs, this.#stopping.signal).catch(() => {});
    }
  }
}
