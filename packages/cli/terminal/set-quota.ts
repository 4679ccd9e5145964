import { sizeText } from "@neson/terminal/panel/size-text";
import { z } from "zod";
import { notRunning, type PanelClient } from "./panel-client.ts";
import { readSettings, settingsPath, writeSettings } from "./settings-file.ts";

const CALL_MS = 30_000;

/** A new quota. */
export interface QuotaChange {
  dataDir: string;
  quotaBytes: number;
  /** As it was typed. */
  text: string;
}

/**
 * Gives the running Terminal another quota, and writes it into `terminal.json` where there is one. Gives lines for people.
 * @throws NesonError `not-running`, or what the Terminal says (operator)
 */
export async function setQuota(panel: PanelClient | undefined, change: QuotaChange): Promise<string[]> {
  const { dataDir, quotaBytes, text } = change;
  const saved = await readSettings(dataDir);
  const status = await panel?.status();
  if (panel === undefined || status === undefined) throw notRunning(dataDir);
  await panel.call("quota", { bytes: quotaBytes }, z.object({}), AbortSignal.timeout(CALL_MS));
  const { usedBytes } = status.storage;
  const lines = [`the quota is ${sizeText(quotaBytes)} now; ${sizeText(usedBytes)} are used`];
  if (usedBytes > quotaBytes) lines.push("what is above it goes now, least wanted first, with the Router's consent");
  if (saved === undefined) lines.push("this holds until the Terminal is started again: give --quota there as well");
  else {
    await writeSettings(dataDir, { ...saved, quota: text });
    lines.push(`saved in ${settingsPath(dataDir)}`);
  }
  return lines;
}
