import { z } from "zod";
import { badInput } from "../problem.ts";

const MAX_LIMIT = 500;

/** The query fields of every list. */
export const pagingQuery = {
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(100).describe(`how many at most, 1 to ${MAX_LIMIT}`),
  cursor: z
    .string()
    .max(400)
    .regex(/^[A-Za-z0-9_-]*$/, "the nextCursor of the page before")
    .optional()
    .describe("where to go on: the `nextCursor` of the page before"),
};

/** What every list's answer says beside the list itself. */
export const pagingAnswer = {
  nextCursor: z.string().optional().describe("asks for the next page; absent on the last"),
};

/** The key that a list goes on after; undefined at its beginning. @throws NesonError `bad-input` (caller) */
export function keyAfter(cursor: string | undefined): string | undefined {
  if (cursor === undefined || cursor === "") return undefined;
  const key = Buffer.from(cursor, "base64url").toString();
  if (key !== "" && Buffer.from(key).toString("base64url") === cursor) return key;
  throw badInput([
    {
      field: "query.cursor",
      found: JSON.stringify(cursor.slice(0, 100)),
      allowed: "the nextCursor of the page before",
    },
  ]);
}

/**
 * One page of what was read.
 * @param read up to `limit` + 1 items, so that it is known whether more follow
 */
export function pageOf<Item>(read: readonly Item[], limit: number, keyOf: (item: Item) => string) {
  const items = read.slice(0, limit);
  const last = items.at(-1);
  const nextCursor =
    read.length > limit && last !== undefined ? Buffer.from(keyOf(last)).toString("base64url") : undefined;
  return { items, next: nextCursor === undefined ? {} : { nextCursor } };
}
