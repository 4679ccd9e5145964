/** An object that the Router would keep is not asked for again for so long. */
const VETO_MS = 600_000;

/** What the Router has said is to stay for now. */
export class Vetoes {
  /** Until when, in milliseconds. */
  readonly #until = new Map<string, number>();

  note(objectId: string, nowMs: number): void {
    this.#until.set(objectId, nowMs + VETO_MS);
  }

  has(objectId: string, nowMs: number): boolean {
    const untilMs = this.#until.get(objectId);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.#until.delete(objectId);
    return false;
  }

  forget(objectId: string): void {
    this.#until.delete(objectId);
  }

  /** Every one may be asked about again. Returns whether there were any. */
  clear(): boolean {
    const hadAny = this.#until.size > 0;
    this.#until.clear();
    return hadAny;
  }
}
