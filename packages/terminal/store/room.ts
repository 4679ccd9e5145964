import { NesonError } from "@neson/kit/error";
import type { DiskWatch } from "./disk-watch.ts";
import type { StateTotals } from "./state-totals.ts";
import type { StoredObject } from "./stored-object.ts";
import type { Strays } from "./strays.ts";

/** What room is counted from. */
export interface RoomDeps {
  disk: DiskWatch;
  totals: StateTotals;
  strays: Strays;
  /** Removes an object from the store. */
  remove: (object: StoredObject) => void;
}

/** How much room there is for objects, and what goes first when there is too little. */
export class Room {
  quotaBytes: number;
  readonly #deps: RoomDeps;
  /** Fills that nobody works on, and what nobody asked for twice. */
  readonly #loose = new Set<StoredObject>();

  constructor(quotaBytes: number, deps: RoomDeps) {
    this.quotaBytes = quotaBytes;
    this.#deps = deps;
  }

  /** What objects, fills under way and strays take of the quota. */
  get usedBytes(): number {
    return this.#deps.totals.bytes + this.#deps.strays.bytes;
  }

  /** Room for further objects, by quota and by disk. */
  get remainingBytes(): number {
    return Math.max(0, Math.min(this.quotaBytes - this.usedBytes, this.#deps.disk.roomBytes));
  }

  /** Notes whether an object that is in the store would be missed. */
  sort(object: StoredObject): void {
    if (object.isAdmitted && (object.state !== "partial" || object.wasWhole)) this.#loose.delete(object);
    else this.#loose.add(object);
  }

  /** The object is not in the store any more. */
  forget(object: StoredObject): void {
    this.#loose.delete(object);
  }

  /**
   * Makes sure that `bytes` more fit, giving up what nobody would miss.
   *
   * @throws NesonError `no-room` (operator)
   */
  make(bytes: number): void {
    this.#deps.disk.look();
    const isEnough = () => {
      if (bytes > this.remainingBytes) this.#deps.disk.look();
      return bytes <= this.remainingBytes;
    };
    if (isEnough()) return;
    this.giveUpLoose(isEnough);
    if (isEnough()) return;
    const message = `saving ${bytes} bytes: ${this.remainingBytes} of ${this.quotaBytes} bytes are left`;
    throw new NesonError("no-room", message, { fault: "operator" });
  }

  /**
   * Removes strays, then fills that nobody works on, then what nobody asked for twice, until it is enough or none is left.
   *
   * @param isEnough is told how many went so far
   * @returns how many went
   */
  giveUpLoose(isEnough: (count: number) => boolean): number {
    let count = this.#deps.strays.giveUpUntil(isEnough);
    for (const isPartial of [true, false]) {
      for (const object of this.#loose) {
        if (isEnough(count)) return count;
        if ((object.state === "partial") !== isPartial || isInUse(object)) continue;
        this.#deps.remove(object);
        count++;
      }
    }
    return count;
  }
}

/** Bytes of it are being brought or sent. */
export function isInUse(object: StoredObject): boolean {
  return object.isFilling || object.isWarming || object.transferCount > 0;
}
