import { NesonError } from "../error.ts";

/** The error of an answer that a handler made and no listener can write: "bad-answer" (bug). */
export function badAnswer(found: string): NesonError {
  return new NesonError("bad-answer", `an answer cannot be written: found ${found}`, { fault: "bug" });
}

/**
 * The number in an answer's Content-Length field.
 *
 * @param before what an earlier field of that name gave
 * @throws NesonError "bad-answer" (bug)
 */
export function declaredLength(value: string, before: number | undefined): number {
  if (before !== undefined) throw badAnswer("headers have more than one Content-Length, allowed: one");
  if (!/^\d{1,15}$/.test(value)) throw badAnswer(`Content-Length ${JSON.stringify(value)}, allowed: a number of bytes`);
  return Number(value);
}
