import { describeIssue } from "@neson/protocol/fields";
import { releaseSchema } from "@neson/protocol/release";
import { z } from "zod";

/** Name of the file, in a releases directory, that says what is in it. */
export const RELEASE_FILE = "release.json";
/** A release has at most four builds and 2000 characters of notes. */
export const MAX_RELEASE_FILE_BYTES = 64 * 1024;

/** Content of `release.json`: what is released, and to how many Terminals it is announced. */
export const releaseFileSchema = z.object({
  release: releaseSchema,
  /** Share of the Terminals that are told, 0 to 100; everybody can download. */
  stagePercent: z.number().min(0).max(100),
});

/** See `releaseFileSchema`. */
export type ReleaseFile = z.infer<typeof releaseFileSchema>;

/** The file's content, or what is wrong with it, for people. */
export function parseReleaseFile(text: string): { file: ReleaseFile } | { problem: string } {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return { problem: `${RELEASE_FILE}: found text that is not JSON` };
  }
  const parsed = releaseFileSchema.safeParse(raw);
  if (!parsed.success) return { problem: describeIssue(RELEASE_FILE, parsed.error, raw).text };
  const files = Object.values(parsed.data.release.binaries).map((binary) => binary.file);
  if (files.length === 0) return { problem: `${RELEASE_FILE}: found no binaries, allowed: one or more` };
  const taken = files.find((file, i) => files.indexOf(file) !== i);
  if (taken !== undefined) return { problem: `${RELEASE_FILE}: found two binaries in the file ${taken}` };
  return { file: parsed.data };
}
