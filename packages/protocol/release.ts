import { z } from "zod";
import { countOf, hexOf, textOf } from "./fields.ts";

/** Name of one build, as "linux-x64"; the keys of a release's binaries. */
export const PLATFORMS = ["linux-x64", "linux-arm64", "windows-x64", "darwin-arm64"] as const;

/** MAJOR.MINOR.PATCH with an optional pre-release (Semantic Versioning 2.0.0, section 9). */
export const versionField = z
  .string()
  .max(64)
  .regex(/^\d{1,6}\.\d{1,6}\.\d{1,6}(?:-[0-9A-Za-z.-]{1,40})?$/, "expected a version as 1.2.3");

const binarySchema = z.object({
  /** File name under the Router's `/download/`. */
  file: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, "expected a plain file name"),
  bytes: countOf(1024 ** 3),
  sha256: hexOf(32),
});

/** One version of the program and where its builds are. */
export const releaseSchema = z.object({
  version: versionField,
  /** What is new, for people. */
  notes: textOf(2000),
  binaries: z.partialRecord(z.enum(PLATFORMS), binarySchema),
});

/** See `releaseSchema`. */
export type Release = z.infer<typeof releaseSchema>;
