import { createHash } from "node:crypto";

const HASH_VALUES = 2 ** 32;

/**
 * Whether a Terminal is among the first `percent` of those that are told of a version. The hash covers the version too, so that it is not always the same
 * Terminals that go first; a higher percentage only ever adds to them.
 */
export function isInStage(terminalId: string, version: string, percent: number): boolean {
  const hash = createHash("sha256").update(`${terminalId} ${version}`).digest().readUInt32BE(0);
  return (hash / HASH_VALUES) * 100 < percent;
}
