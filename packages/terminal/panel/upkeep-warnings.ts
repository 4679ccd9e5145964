import type { Warning } from "./status.ts";
import type { WarningFacts } from "./warnings.ts";

const DAY_MS = 86_400_000;
const CERTIFICATE_SOON_MS = 14 * DAY_MS;
const CERTIFICATE_VERY_SOON_MS = 3 * DAY_MS;
const CLOCK_OFF_MS = 2000;
/** From here on tickets look expired, or not yet due. */
const CLOCK_FAR_OFF_MS = 30_000;
const LITTLE_MEMORY_BYTES = 48 * 1024 ** 2;

/** What the operator should see to before it becomes a fault. */
export function upkeepWarnings(facts: WarningFacts): Warning[] {
  return [...certificateWarning(facts), ...clockWarning(facts), ...memoryWarning(facts), ...updateNotice(facts)];
}

function certificateWarning({ certificate, nowMs }: WarningFacts): Warning[] {
  if (certificate === undefined) return [];
  const leftMs = certificate.expiresAtMs - nowMs;
  if (leftMs > CERTIFICATE_SOON_MS) return [];
  const days = Math.floor(leftMs / DAY_MS);
  const left = days >= 2 ? `in ${days} days` : `within ${Math.ceil(leftMs / 3_600_000)} hours`;
  const message =
    leftMs <= 0 ? "The TLS certificate has expired: clients refuse it." : `The TLS certificate expires ${left}.`;
  const remedy = "Renew it and put the new files in the place of the old ones: they are read again without a restart.";
  return [{ code: "certificate", level: leftMs < CERTIFICATE_VERY_SOON_MS ? "error" : "warning", message, remedy }];
}

function clockWarning({ clockOffsetMs }: WarningFacts): Warning[] {
  if (clockOffsetMs === undefined || Math.abs(clockOffsetMs) < CLOCK_OFF_MS) return [];
  const seconds = (Math.abs(clockOffsetMs) / 1000).toFixed(1);
  const message = `This machine's clock is ${seconds} s ${clockOffsetMs > 0 ? "ahead of" : "behind"} the Router's. Tickets are judged by the Router's time meanwhile; times shown and logged here are wrong.`;
  const level = Math.abs(clockOffsetMs) >= CLOCK_FAR_OFF_MS ? "error" : "warning";
  return [
    {
      code: "clock",
      level,
      message,
      remedy: "Let the system set its clock from the network (timedatectl set-ntp true).",
    },
  ];
}

function memoryWarning({ load }: WarningFacts): Warning[] {
  if (load.freeMemoryBytes >= LITTLE_MEMORY_BYTES) return [];
  const message = "The machine is short of memory: the system may end this Terminal at any time.";
  const remedy = "Stop other programs, or lower --memory; --small does with less of everything.";
  return [{ code: "little-memory", level: "warning", message, remedy }];
}

function updateNotice({ release, identity }: WarningFacts): Warning[] {
  if (release === undefined || Bun.semver.order(release.version, identity.version) <= 0) return [];
  const message = `Version ${release.version} is there; ${identity.version} runs.`;
  const remedy =
    "Read what is new and agree to it here, or run neson terminal update. Nothing is changed before you agree.";
  return [{ code: "update-available", level: "info", message, remedy }];
}
