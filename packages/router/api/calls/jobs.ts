import { z } from "zod";
import { badInput } from "../problem.ts";
import { keyAfter } from "./paging.ts";

/** The path parameter of every call about one job. */
export const jobParams = {
  id: z
    .string()
    .regex(/^[0-9a-f-]{36}$/, "the job's id")
    .describe("the job's id"),
};

/** A job's place among those of its site, newest first. */
interface JobPlace {
  /** Unix milliseconds. */
  acceptedAtMs: number;
  id: string;
}

/** The key for `pageOf` of a job. */
export function placeOf({ acceptedAtMs, id }: JobPlace): string {
  return `${acceptedAtMs} ${id}`;
}

/** The place that a list of jobs goes on after; undefined at its beginning. @throws NesonError `bad-input` (caller) */
export function placeAfter(cursor: string | undefined): JobPlace | undefined {
  const key = keyAfter(cursor);
  if (key === undefined) return undefined;
  const match = /^(\d{1,15}) ([0-9a-f-]{36})$/.exec(key);
  if (match !== null) return { acceptedAtMs: Number(match[1]), id: match[2] ?? "" };
  const found = JSON.stringify((cursor ?? "").slice(0, 100));
  throw badInput([{ field: "query.cursor", found, allowed: "the nextCursor of the page before" }]);
}
