import type { Log } from "@neson/kit/log";
import type { TerminalMessage } from "@neson/protocol/messages";
import { z } from "zod";
import type { Settings } from "../store/settings.ts";
import { Channel, type ChannelDeps, type ChannelState } from "./channel.ts";
import type { Control } from "./control.ts";
import { EvictPoll } from "./evict-poll.ts";
import { IndexSender } from "./index-pages.ts";
import { Kept } from "./kept.ts";
import type { Introduction, Welcome } from "./session.ts";
import { type WantOutcome, Wants } from "./wants.ts";

/** A Terminal keeps no more channels than this. */
const MAX_ROUTERS = 17;
const toldSchema = z.array(z.string().max(2048)).max(MAX_ROUTERS);

/** One Router, and what belongs to the channel to it alone. */
export interface Line {
  /** As it was configured or told. */
  url: string;
  isConfigured: boolean;
  channel: Channel;
  send: (message: TerminalMessage) => boolean;
  wants: Wants;
  pages: IndexSender;
}

interface OwnLine extends Line {
  control: Control | undefined;
  /** Where other Routers say that it is; known once it let this Terminal in. */
  knownAs: string | undefined;
  /** The other Routers that it named last. */
  told: readonly string[];
  hasFailed: boolean;
}

/** What speaking with Routers needs. */
export interface RoutersDeps extends ChannelDeps {
  settings: Settings;
  /** The (objectId, headersId) pairs that are served now. */
  pairs: () => Iterable<[string, string]>;
  /** Called when each of them was out of touch at least once since the start, or could not be reached. */
  onUnreachable: () => void;
  log: Log;
}

/**
 * The Routers of the network: those that were configured, and those that they name. Each has a channel of its own, open for as long as it lives. What all
 * must know goes to all; what one is enough for goes to the first that is connected.
 */
export class Routers implements AsyncDisposable {
  readonly #deps: RoutersDeps;
  readonly #lines = new Map<string, OwnLine>();
  readonly #told: Kept<string[]>;
  readonly #poll = new EvictPoll();
  #isLeaving = false;
  #introduction: Omit<Introduction, "channelUrl"> | undefined;
  #controlFor: ((line: Line) => Control) | undefined;

  /** What Routers named before a restart counts, since those that were configured may be gone. */
  constructor(configured: readonly string[], deps: RoutersDeps) {
    this.#deps = deps;
    this.#told = new Kept(deps.settings, "routers", toldSchema);
    for (const url of configured) this.#add(url, true);
    for (const url of this.#told.value ?? []) this.#add(url, false);
  }

  /** Begins to connect, for ever. To be called once. */
  connect(introduction: Omit<Introduction, "channelUrl">, controlFor: (line: Line) => Control): void {
    this.#introduction = introduction;
    this.#controlFor = controlFor;
    for (const line of this.#lines.values()) this.#begin(line);
  }

  /** True while any Router has this Terminal in. */
  get isOpen(): boolean {
    return this.#open().length > 0;
  }

  get state(): ChannelState {
    const states = [...this.#lines.values()].map(({ channel }) => channel.state);
    const refusals = states.flatMap(({ lastRefusal }) => (lastRefusal === undefined ? [] : [lastRefusal]));
    const lastRefusal = refusals.sort((a, b) => b.atMs - a.atMs)[0];
    return lastRefusal === undefined ? { isConnected: this.isOpen } : { isConnected: this.isOpen, lastRefusal };
  }

  /** To one Router that is connected; false when none is. */
  readonly send = (message: TerminalMessage): boolean => this.#open().some((line) => line.send(message));

  /** To every Router that is connected; false when none is. */
  readonly tell = (message: TerminalMessage): boolean => this.#open().filter((line) => line.send(message)).length > 0;

  /** Asks the Routers for an object, one after another until one has it. Never rejects. */
  readonly ask = async (objectId: string, headersId: string, waitMs: number): Promise<WantOutcome> => {
    const { clock } = this.#deps;
    const endMs = clock.nowMs() + waitMs;
    let outcome: WantOutcome = "offline";
    for (const line of this.#open()) {
      const leftMs = endMs - clock.nowMs();
      if (leftMs <= 0) break;
      const answer = await line.wants.ask(objectId, headersId, leftMs);
      if (answer === "save") return answer;
      // That one has nothing says little while another has not answered.
      if (outcome === "offline" || answer !== "nothing") outcome = answer;
    }
    return outcome;
  };

  /** The question what may be evicted, to all of them. */
  readonly poll = {
    send: (message: TerminalMessage): boolean => message.type === "evict" && this.#poll.ask(message, this.#open()),
    answerTo: this.#poll.answerTo.bind(this.#poll),
    reply: this.#poll.reply.bind(this.#poll),
  };

  /** A Router has let this Terminal in. */
  welcomed(line: Line, { url }: Welcome): void {
    const own = this.#lines.get(line.url);
    if (own === undefined) return;
    own.knownAs = url;
    this.#match();
  }

  /** A Router named the others. */
  named(line: Line, urls: readonly string[]): void {
    const own = this.#lines.get(line.url);
    if (own === undefined) return;
    own.told = urls;
    this.#match();
  }

  /** A Router is out of touch. */
  left(line: Line): void {
    line.wants.offline();
    line.pages.stop();
    this.#poll.left(line);
    const own = this.#lines.get(line.url);
    if (own !== undefined) own.hasFailed = true;
    if ([...this.#lines.values()].every(({ hasFailed }) => hasFailed)) this.#deps.onUnreachable();
    if (!this.#isLeaving) this.#match();
  }

  /** Tells all of them to send nobody any more; resolves when they have heard, or after a second. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    await Promise.all([...this.#lines.values()].map(({ control }) => control?.leave()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => end(line)));
  }

  #open(): OwnLine[] {
    return [...this.#lines.values()].filter(({ channel }) => channel.isOpen);
  }

  /** Opens a line to each Router that is named, and ends those that nobody names any more and nobody answers on. */
  #match(): void {
    const lines = [...this.#lines.values()];
    const named = new Set(lines.filter(({ channel }) => channel.isOpen).flatMap(({ told }) => told));
    const known = new Set(lines.flatMap(({ url, knownAs }) => (knownAs === undefined ? [url] : [url, knownAs])));
    for (const url of named) if (!known.has(url) && !this.#isLeaving) this.#add(url, false);
    for (const line of lines) {
      if (line.isConfigured || line.channel.isOpen || named.has(line.url)) continue;
      if (named.size === 0 && !this.isOpen) continue;
      this.#lines.delete(line.url);
      void end(line);
    }
    const told = [...this.#lines.values()].filter(({ isConfigured }) => !isConfigured).map(({ url }) => url);
    if (told.join(" ") !== (this.#told.value ?? []).join(" ")) this.#told.accept(told);
  }

  #add(url: string, isConfigured: boolean): void {
    if (this.#lines.has(url) || this.#lines.size >= MAX_ROUTERS || !/^https?:/.test(url) || !URL.canParse(url)) return;
    const { clock, pairs } = this.#deps;
    const channel = new Channel(this.#deps);
    const { send } = channel;
    const line: OwnLine = {
      ...{ url, isConfigured, channel, send, control: undefined, knownAs: undefined, told: [], hasFailed: false },
      wants: new Wants({ send, clock }),
      pages: new IndexSender({ send, pairs }),
    };
    this.#lines.set(url, line);
    this.#begin(line);
  }

  #begin(line: OwnLine): void {
    if (this.#introduction === undefined || this.#controlFor === undefined) return;
    const control = this.#controlFor(line);
    line.control = control;
    line.channel.connect({ ...this.#introduction, channelUrl: channelUrlOf(line.url) }, control);
  }
}

async function end({ channel, control, pages }: OwnLine): Promise<void> {
  pages[Symbol.dispose]();
  control?.[Symbol.dispose]();
  await channel[Symbol.asyncDispose]();
}

function channelUrlOf(routerUrl: string): string {
  return new URL("/v1/terminal", routerUrl.replace(/^http/, "ws")).href;
}
