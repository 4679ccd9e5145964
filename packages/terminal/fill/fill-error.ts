import { NesonError } from "@neson/kit/error";

/**
 * Why a fill ended without its object; the codes of the `failed` message.
 *
 * | code | why |
 * | --- | --- |
 * | `no-room` | the quota or the disk does not hold it |
 * | `bad-manifest` | manifest or piece list are wrong, or the manifest's time is over |
 * | `bad-bytes` | a piece did not match its hash, twice |
 * | `unreachable` | the source does not answer, refuses, or keeps breaking off |
 * | `disk` | reading or writing failed here |
 * | `cancelled` | a `delete`, or the Terminal is stopping |
 */
export type FillErrorCode = "no-room" | "bad-manifest" | "bad-bytes" | "unreachable" | "disk" | "cancelled";

const FAULT_OF_CODE = {
  "no-room": "operator",
  "bad-manifest": "peer",
  "bad-bytes": "peer",
  unreachable: "peer",
  disk: "operator",
  cancelled: "peer",
} as const;

/** A fill's failure, of the fault that goes with its code. */
export function fillError(code: FillErrorCode, message: string, cause?: unknown): NesonError<FillErrorCode> {
  return new NesonError(code, message, { fault: FAULT_OF_CODE[code], cause });
}

/** The fill code of any error: what is none of ours came from the file system. */
export function fillErrorOf(error: unknown): NesonError<FillErrorCode> {
  if (error instanceof NesonError && error.code in FAULT_OF_CODE) return error as NesonError<FillErrorCode>;
  return fillError("disk", "keeping the object on disk failed", error);
}
