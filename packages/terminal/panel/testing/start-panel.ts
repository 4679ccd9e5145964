import { systemClock } from "@neson/kit/clock";
import { silentLog } from "@neson/kit/log";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { type Panel, servePanel } from "../serve-panel.ts";
import type { PanelActions, PanelSources } from "../sources.ts";
import { realisticSources } from "./realistic-sources.ts";

/** A panel on a free port over realistic sources, with what its calls did. */
export interface TestPanel extends AsyncDisposable {
  panel: Panel;
  dataDir: string;
  /** Each call made, as "quota 5". */
  calls: string[];
}

/** Starts a panel for a test; `changes` replace sources, `actions` what calls do. */
export async function startPanel(
  changes: Partial<PanelSources> = {},
  actions: Partial<PanelActions> = {},
): Promise<TestPanel> {
  const directory = temporaryDirectory();
  const calls: string[] = [];
  const recording: PanelActions = {
    leave: async () => void calls.push("leave"),
    setQuota: (bytes) => void calls.push(`quota ${bytes}`),
    consentToUpdate: (version) => void calls.push(`update ${version}`),
    withdrawStorage: async () => {
      calls.push("withdraw-storage");
      return { freedBytes: 123 };
    },
    ...actions,
  };
  const panel = await servePanel(
    { hostname: "127.0.0.1", port: 0, dataDir: directory.path },
    { sources: realisticSources(systemClock.nowMs, changes), actions: recording, clock: systemClock, log: silentLog },
  );
  return {
    panel,
    dataDir: directory.path,
    calls,
    [Symbol.asyncDispose]: async () => {
      await panel[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    },
  };
}
