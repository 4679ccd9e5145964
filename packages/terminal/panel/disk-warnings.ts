import { sizeText } from "./size-text.ts";
import type { Warning } from "./status.ts";
import type { WarningFacts } from "./warnings.ts";

const NEARLY_FULL_BYTES = 1024 ** 3;
const NEARLY_FULL_SHARE = 0.02;
/** Slower than this, a disk holds back even a modest link. */
const SLOW_DISK_BYTES_PER_SECOND = 40 * 1024 ** 2;

const REFUSALS = {
  "disk-full": {
    message: "The disk is full: nothing new can be saved, so less and less will be asked of this Terminal.",
    remedy: "Free some space on it, or lower the quota. Saving goes on by itself as soon as there is room.",
  },
  "disk-read-only": {
    message: "The disk has become read-only: what is stored is still served, nothing new can be saved.",
    remedy:
      "A system mounts a disk read-only when it finds it damaged. Look into the system's log, check the file system, and mount it writable again.",
  },
  "disk-gone": {
    message: "The disk with the data directory is gone: only what is in memory is served.",
    remedy: "Connect and mount it again. Serving and saving go on by themselves.",
  },
} as const;

/** What is wrong with the disk, or with what the quota expects of it. */
export function diskWarnings(facts: WarningFacts): Warning[] {
  const { refusesSaves } = facts.storage;
  if (refusesSaves !== undefined && refusesSaves !== "draining") {
    return [{ code: refusesSaves, level: "error", ...REFUSALS[refusesSaves] }];
  }
  return [...roomWarnings(facts), ...speedWarnings(facts)];
}

function roomWarnings({ storage, hardware }: WarningFacts): Warning[] {
  const { quotaBytes, usedBytes, remainingBytes } = storage;
  // The store takes the smaller of quota and disk: where that is less than the quota leaves, the disk is the limit.
  if (remainingBytes >= quotaBytes - usedBytes) return [];
  const fits = sizeText(usedBytes + remainingBytes);
  if (remainingBytes < Math.max(NEARLY_FULL_BYTES, hardware.disk.totalBytes * NEARLY_FULL_SHARE)) {
    const message = `The disk is nearly full: ${sizeText(remainingBytes)} are left for objects, though the quota is ${sizeText(quotaBytes)}.`;
    const remedy = `Free some space on the disk, or lower the quota to ${fits}.`;
    return [{ code: "disk-nearly-full", level: "warning", message, remedy }];
  }
  const message = `The quota of ${sizeText(quotaBytes)} is more than the disk can hold: ${fits} fit.`;
  return [
    { code: "quota-above-disk", level: "warning", message, remedy: `Lower the quota to ${fits}, or free some space.` },
  ];
}

function speedWarnings({ hardware }: WarningFacts): Warning[] {
  const { readBytesPerSecond } = hardware.disk;
  if (readBytesPerSecond === undefined) return [];
  const linkBytesPerSecond = (hardware.linkBitsPerSecond ?? 0) / 8;
  const isSlow = readBytesPerSecond < SLOW_DISK_BYTES_PER_SECOND;
  if (!isSlow && readBytesPerSecond >= linkBytesPerSecond * 0.5) return [];
  const link = linkBytesPerSecond > 0 ? `, the link carries ${sizeText(linkBytesPerSecond)}/s` : "";
  const message = `The disk is slow: it reads ${sizeText(readBytesPerSecond)}/s${link}.`;
  const remedy = "Move the data directory to a faster disk (--data), or give hot objects more memory (--memory).";
  return [{ code: "slow-disk", level: isSlow ? "warning" : "info", message, remedy }];
}
