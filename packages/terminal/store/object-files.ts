import { lstatSync, readdirSync, renameSync, rm, rmSync } from "node:fs";
import { join } from "node:path";
import type { Layout } from "./layout.ts";

/** Removes and moves the files of objects, so that a place is free at once however long the disk takes over it. */
export class ObjectFiles {
  readonly #layout: Layout;
  #goneCount = 0;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Removes from the folder of partial files what no fill can go on with. */
  clearPartials(isPartial: (objectId: string) => boolean): void {
    const { partialDir } = this.#layout;
    for (const name of readdirSync(partialDir)) {
      if (name.endsWith(".part") && isPartial(name.slice(0, -".part".length))) continue;
      rmSync(join(partialDir, name), { recursive: true, force: true });
    }
  }

  /**
   * Removes whatever an object has on disk. Transfers that have it open go on undisturbed.
   *
   * @throws Error of the file system; then it may be tried again
   */
  remove(objectId: string): void {
    this.#discard(this.#layout.objectPath(objectId));
    this.#discard(this.#layout.partialPath(objectId));
  }

  /**
   * Takes an object's file back to where fills go on from. Without such a file, nothing happens.
   *
   * @throws Error of the file system
   */
  unsettle(objectId: string): void {
    unlessAbsent(() => renameSync(this.#layout.objectPath(objectId), this.#layout.partialPath(objectId)));
  }

  /** Out of its place first, so that a new fill may put a new file there; the unlinking may take its time. */
  #discard(path: string): void {
    // Whatever else stands in an object's place is somebody else's.
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return;
    const aside = join(this.#layout.partialDir, `${process.pid}-${this.#goneCount++}.gone`);
    if (unlessAbsent(() => renameSync(path, aside))) rm(aside, { force: true }, () => {});
  }
}

/** Whether there was something to act on. */
function unlessAbsent(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}
