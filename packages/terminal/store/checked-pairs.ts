import { IndexDigest } from "@neson/protocol/index-digest";
import type { StoredObject } from "./stored-object.ts";

/** The (objectId, headersId) pairs that are whole: how many objects they are, and the digest that a Router compares. */
export class CheckedPairs {
  readonly #digest = new IndexDigest();
  #objectCount = 0;

  get objectCount(): number {
    return this.#objectCount;
  }

  get digest(): string {
    return this.#digest.toString();
  }

  /** Takes in all pairs of an object. */
  add(object: StoredObject): void {
    this.#objectCount++;
    for (const headersId of object.headerSets.keys()) this.#digest.add(object.objectId, headersId);
  }

  /** Takes out all pairs of an object. */
  remove(object: StoredObject): void {
    this.#objectCount--;
    for (const headersId of object.headerSets.keys()) this.#digest.remove(object.objectId, headersId);
  }

  /** Takes in one more pair of an object that is in. */
  addPair(object: StoredObject, headersId: string): void {
    this.#digest.add(object.objectId, headersId);
  }

  /** Takes out one pair of an object that stays in. */
  removePair(object: StoredObject, headersId: string): void {
    this.#digest.remove(object.objectId, headersId);
  }
}
