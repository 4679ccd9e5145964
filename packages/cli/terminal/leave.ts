import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { z } from "zod";
import { notRunning, type PanelClient } from "./panel-client.ts";

/** How long a Terminal may take: transfers are let finish, and claims wait for the Router. */
export const LEAVE_WITHIN_MS = 15 * 60_000;
const LOOK_MS = 250;

/** What leaving needs. */
export interface LeaveDeps {
  dataDir: string;
  say: (line: string) => void;
  clock: Clock;
  withinMs: number;
}

/**
 * Has the running Terminal leave, tells how many transfers are still open, and resolves when its process is gone. True when something
 * (a service) has started it again meanwhile.
 * @throws NesonError `not-running`, `still-leaving`, or what the Terminal says (operator)
 */
export async function leaveTerminal(panel: PanelClient, deps: LeaveDeps): Promise<{ isBack: boolean }> {
  const { say, dataDir } = deps;
  const before = await panel.status();
  if (before === undefined) throw notRunning(dataDir);
  say("leaving: the Router is told to send nobody here any more");
  const calling = new AbortController();
  const call = followCall(panel.call("leave", {}, z.object({}), calling.signal));
  try {
    return await untilGone(panel, before.identity.startedAtMs, call, deps);
  } finally {
    calling.abort();
  }
}

/** What has become of the call so far. */
interface Call {
  isOver: boolean;
  failure?: unknown;
}

function followCall(answer: Promise<unknown>): Call {
  const call: Call = { isOver: false };
  answer.then(
    () => {
      call.isOver = true;
    },
    (error: unknown) => {
      call.failure = error;
    },
  );
  return call;
}

async function untilGone(panel: PanelClient, startedAtMs: number, call: Call, deps: LeaveDeps) {
  const { say, clock, withinMs } = deps;
  const giveUpAtMs = clock.nowMs() + withinMs;
  let shown = "";
  for (;;) {
    await clock.sleep(LOOK_MS);
    const status = await panel.status();
    if (status === undefined) return { isBack: false };
    if (status.identity.startedAtMs !== startedAtMs) return { isBack: true };
    // A call that broke off, as one of many minutes may, changes nothing as long as the Terminal says that it is leaving.
    if (call.failure !== undefined && !status.isLeaving) throw call.failure;
    const { openTransfers } = status.load;
    const text = progressText(openTransfers, call.isOver);
    if (text !== shown) say(text);
    shown = text;
    if (clock.nowMs() > giveUpAtMs) throw stillLeaving(withinMs, openTransfers);
  }
}

function progressText(openTransfers: number, isOver: boolean): string {
  if (openTransfers > 0) return `waiting for ${openTransfers} open transfer${openTransfers === 1 ? "" : "s"}`;
  return isOver ? "claims are settled; the process is ending" : "no open transfers; settling claims";
}

function stillLeaving(withinMs: number, openTransfers: number): NesonError {
  const message = `the Terminal is still leaving after ${Math.round(withinMs / 1000)} s, with ${openTransfers} open transfers; it goes on by itself, or end its process: nothing is lost by that`;
  return new NesonError("still-leaving", message, { fault: "operator" });
}
