import type { Clock } from "@neson/kit/clock";
import type { Log } from "@neson/kit/log";
import type { TerminalMessage } from "@neson/protocol/messages";
import { MAX_EVICT } from "@neson/protocol/terminal-messages";
import { isInUse } from "../store/room.ts";
import type { StoreObserver } from "../store/store-observer.ts";
import type { StoredObject } from "../store/stored-object.ts";
import { EvictorBooks, type EvictorBooksDeps } from "./evictor-books.ts";
import { Expiry } from "./evictor-expiry.ts";
import { Slices } from "./evictor-slices.ts";
import { Vetoes } from "./evictor-vetoes.ts";

/** Shares of the quota at which evicting begins and ends. */
const START_SHARE = 0.95;
const END_SHARE = 0.9;
/** A question without an answer is asked again after this. */
const ANSWER_WAIT_MS = 10_000;
/** With nothing that may go, the next look for something comes after this. */
const FRUITLESS_WAIT_MS = 10_000;
/** Beyond the quota, nobody's word is waited for longer than this: the disk is the operator's. */
const PATIENCE_MS = 60_000;

/** Objects that one look deletes without asking; the next ones go at the next look, for viewers wait meanwhile. */
const MAX_AT_ONCE = 200;

/** What the Evictor works with. */
export interface EvictorDeps extends EvictorBooksDeps {
  /** False when there is no open channel. */
  send: (message: TerminalMessage) => boolean;
  clock: Clock;
  log: Log;
}

interface Question {
  id: string;
  objects: StoredObject[];
  askedAtMs: number;
}

/**
 * Keeps the store within its quota and its objects within their time. What goes for lack of requests goes by the policy, and not before
 * the Router has had its say, object by object; strays, abandoned fills and what nobody asked for twice go first, without asking.
 */
export class Evictor implements StoreObserver, Disposable {
  readonly #deps: EvictorDeps;
  readonly #expiry: Expiry;
  readonly #vetoes = new Vetoes();
  readonly #leaving: Slices<StoredObject>;
  readonly #books: EvictorBooks;
  #question: Question | undefined;
  #lastId = 0;
  #isShrinking = false;
  /** Room that a save did not find. */
  #neededBytes = 0;
  /** Since when the quota is exceeded and nothing has gone. */
  #stuckSinceMs: number | undefined;
  #fruitlessUntilMs = Number.NEGATIVE_INFINITY;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  /** Takes over what the store holds, with the ranks that it had before a restart. */
  constructor(deps: EvictorDeps) {
    this.#deps = deps;
    const { store, clock } = deps;
    this.#leaving = new Slices(
      (object) => this.#evict(object),
      () => this.#shrink(clock.nowMs()),
    );
    this.#books = new EvictorBooks(deps);
    this.#expiry = new Expiry(clock.nowMs() / 1000);
    for (const object of store.all()) this.#expiry.note(object);
    store.observe(this);
  }

  /** Once a second: hands requests to the policy, deletes what has had its time, and asks about more when there is too much. */
  look(): void {
    const nowMs = this.#deps.clock.nowMs();
    if (nowMs < this.#lookedAtMs) this.#forgetTimes();
    this.#lookedAtMs = nowMs;
    this.#books.takeUses();
    // Where nothing can be deleted, nothing is: what can be read is served.
    if (this.#deps.store.disk.isWritable) this.#expire(nowMs);
    this.#shrink(nowMs);
  }

  /** The Router's answer. One to another question than the open one comes too late, and changes nothing. */
  reply(id: string, keep: readonly string[]): void {
    const question = this.#question;
    if (question === undefined || question.id !== id) return;
    this.#question = undefined;
    const nowMs = this.#deps.clock.nowMs();
    const kept = new Set(keep);
    const leaving: StoredObject[] = [];
    for (const object of question.objects) {
      if (kept.has(object.objectId)) this.#vetoes.note(object.objectId, nowMs);
      else leaving.push(object);
    }
    if (leaving.length === 0) {
      this.#shrink(nowMs);
      return;
    }
    this.#stuckSinceMs = undefined;
    this.#leaving.push(leaving);
  }

  /** The channel is gone, and with it every answer. */
  offline(): void {
    this.#question = undefined;
  }

  /** More than usual has to go; the next look sees to it. */
  lacksRoom(bytes: number): void {
    const { quotaBytes, usedBytes } = this.#deps.store;
    // Where the disk is the bound and not the quota, one save after another would empty the store: that is for people to decide.
    if (bytes > quotaBytes || quotaBytes - usedBytes >= bytes) return;
    this.#neededBytes = Math.max(this.#neededBytes, bytes);
  }

  quotaChanged(): void {
    this.#fruitlessUntilMs = Number.NEGATIVE_INFINITY;
    this.#shrink(this.#deps.clock.nowMs());
  }

  added(object: StoredObject): void {
    this.#expiry.note(object);
  }

  termsChanged(object: StoredObject): void {
    this.#expiry.note(object);
  }

  removed(object: StoredObject): void {
    this.#expiry.forget(object);
    this.#vetoes.forget(object.objectId);
  }

  /**
   * Writes the policy's ranks of up to `limit` objects to the index.
   *
   * @throws Error of the index; they are written the next time
   */
  flush(limit = Number.POSITIVE_INFINITY): void {
    this.#books.flush(limit);
  }

  /** What was to go stays, until the next start. */
  [Symbol.dispose](): void {
    this.#leaving[Symbol.dispose]();
  }

  #expire(nowMs: number): void {
    const { store, log } = this.#deps;
    const due = this.#expiry.due(nowMs / 1000).filter((object) => !isInUse(object));
    for (const object of due.slice(0, MAX_AT_ONCE)) store.remove(object);
    if (due.length > 0) log.info({ count: due.length }, "deleting what was to be kept until now and no longer");
  }

  #shrink(nowMs: number): void {
    const { store } = this.#deps;
    const targetBytes = this.#targetBytes();
    if (targetBytes === undefined || this.#leaving.isBusy || !store.disk.isWritable) return;
    const looseCount = this.#books.whileEvicting(() => store.shrinkTo(targetBytes, MAX_AT_ONCE));
    if (looseCount === MAX_AT_ONCE) return;
    const tooMuch = store.usedBytes - targetBytes;
    if (tooMuch <= 0 || nowMs < this.#fruitlessUntilMs) return;
    if (this.#question !== undefined && nowMs - this.#question.askedAtMs < ANSWER_WAIT_MS) return;
    this.#question = undefined;
    const victims = this.#victims(tooMuch, nowMs);
    if (victims.length === 0) this.#giveUpForNow(nowMs);
    else if (this.#isOutOfPatience(nowMs)) this.#leaving.push(victims);
    else this.#ask(victims, nowMs);
  }

  /** How much may be used once what is under way is over; undefined while nothing has to go. */
  #targetBytes(): number | undefined {
    const { quotaBytes, usedBytes } = this.#deps.store;
    if (usedBytes > quotaBytes * START_SHARE) this.#isShrinking = true;
    if (usedBytes <= quotaBytes) this.#stuckSinceMs = undefined;
    const shareBytes = this.#isShrinking ? quotaBytes * END_SHARE : Number.POSITIVE_INFINITY;
    const targetBytes = Math.min(shareBytes, quotaBytes - this.#neededBytes);
    if (usedBytes > targetBytes) return targetBytes;
    this.#isShrinking = false;
    this.#neededBytes = 0;
    return undefined;
  }

  #victims(bytes: number, nowMs: number): StoredObject[] {
    const { store, policy } = this.#deps;
    const mayGo = (objectId: string) => {
      const object = store.find(objectId);
      return object !== undefined && this.#mayGo(object, nowMs) && !this.#vetoes.has(objectId, nowMs);
    };
    const victims: StoredObject[] = [];
    // Sought in portions: a policy that is asked for much looks at all it has.
    const averageBytes = store.usedBytes / Math.max(1, store.stats().objects);
    for (const objectId of policy.victims(Math.min(bytes, averageBytes * MAX_EVICT), mayGo)) {
      const object = store.find(objectId);
      if (object !== undefined) victims.push(object);
      if (victims.length === MAX_EVICT) break;
    }
    return victims;
  }

  /** A fill that nobody works on has no bytes worth a question: it is given up with what is loose. */
  #mayGo(object: StoredObject, nowMs: number): boolean {
    if (isInUse(object) || (object.state === "partial" && !object.wasWhole)) return false;
    return !object.isPinned || (object.keepUntilSeconds ?? Number.POSITIVE_INFINITY) <= nowMs / 1000;
  }

  #ask(victims: StoredObject[], nowMs: number): void {
    const id = `e${++this.#lastId}`;
    const objects = victims.map(({ objectId, size }) => ({ objectId, bytes: size }));
    if (this.#deps.send({ type: "evict", id, objects })) this.#question = { id, objects: victims, askedAtMs: nowMs };
  }

  /** The quota is exceeded, and the Router has let nothing go, or has not been there, for long enough. */
  #isOutOfPatience(nowMs: number): boolean {
    const { store, log } = this.#deps;
    if (store.usedBytes <= store.quotaBytes) return false;
    this.#stuckSinceMs ??= nowMs;
    if (nowMs - this.#stuckSinceMs < PATIENCE_MS) return false;
    const { usedBytes, quotaBytes } = store;
    log.warn({ usedBytes, quotaBytes }, "above the quota, and no word of the Router: deleting what is asked for least");
    return true;
  }

  /** Whatever is left is pinned, in use or vetoed. Beyond the quota a veto is asked about again; a pin holds. */
  #giveUpForNow(nowMs: number): void {
    const { usedBytes, quotaBytes } = this.#deps.store;
    if (usedBytes > quotaBytes && this.#vetoes.clear()) {
      this.#stuckSinceMs ??= nowMs;
      return;
    }
    this.#neededBytes = 0;
    this.#fruitlessUntilMs = nowMs + FRUITLESS_WAIT_MS;
    if (usedBytes > quotaBytes) {
      const message = "above the quota, and all that is left is pinned or in use: it goes once its time is over";
      this.#deps.log.warn({ usedBytes, quotaBytes }, message);
    }
  }

  #evict(object: StoredObject): void {
    const { store, clock } = this.#deps;
    if (store.find(object.objectId) !== object || !this.#mayGo(object, clock.nowMs())) return;
    this.#books.whileEvicting(() => store.remove(object));
  }

  /** The clock was set back: what was to wait until a time would wait for as long as that. */
  #forgetTimes(): void {
    this.#question = undefined;
    this.#vetoes.clear();
    this.#stuckSinceMs = undefined;
    this.#fruitlessUntilMs = Number.NEGATIVE_INFINITY;
  }
}
