import type { LinkSpeed, SpeedOutcome } from "@neson/terminal/hardware/speed-test";
import { sizeText } from "@neson/terminal/panel/size-text";
import { linkText } from "../machine-lines.ts";
import { type Finding, fail, ok, skipped } from "./finding.ts";

/** Whether the Router has the Terminal in, and why it did not the last time. */
export interface Connection {
  isConnected: boolean;
  lastRefusal?: { code: string; message: string } | undefined;
}

const REMEDIES: Record<string, string> = {
  "unreachable-endpoint":
    "Open the listening port in this machine's firewall and forward it in the network's router; then check that --endpoint is the address that the outside sees.",
  "bad-endpoint":
    "Give the address that viewers reach this machine at with --endpoint; a private one is of no use to them.",
  duplicate: "Another machine or process runs with a copy of this identity.key. Stop one of them.",
  full: "Nothing to mend here: the Router has no place at present. Try again later.",
  "protocol-version": "One of the two sides is too old: neson terminal update.",
  "bad-message": "One of the two sides is too old: neson terminal update.",
  "wrong-router":
    "The Router shows another key than the one this Terminal believes. Ask its operator; if the change is right, name the new key with --router-key.",
};
const NO_ANSWER = "Check this machine's network and that --router is the Router's address.";

/** Whether viewers get here: a Router dials the endpoint back before it lets a Terminal in. */
export function checkReachable(endpoint: string, { isConnected, lastRefusal }: Connection): Finding {
  const name = "reachability";
  if (isConnected) return ok(name, `the Router reached ${endpoint} and let this Terminal in`);
  if (lastRefusal === undefined) {
    return fail(name, "no Router has let this Terminal in, and none has said why", NO_ANSWER);
  }
  const { code, message } = lastRefusal;
  return fail(name, `the Router did not let it in at ${endpoint}: ${message} (${code})`, REMEDIES[code] ?? NO_ANSWER);
}

/** How fast the link to the Router is. Not measuring it is no fault. */
export function checkLink(outcome: SpeedOutcome): Finding {
  return "speed" in outcome ? ok("link speed", speedText(outcome.speed)) : skipped("link speed", outcome.reason);
}

/** While a Terminal runs its viewers go first: only what was measured before, or what the interface says. */
export function nominalLink(linkBitsPerSecond: number | undefined, measured?: LinkSpeed): Finding {
  if (measured !== undefined) {
    const on = new Date(measured.atMs).toISOString().slice(0, 10);
    return ok("link speed", `${speedText(measured)} (measured on ${on})`);
  }
  const nominal = linkBitsPerSecond === undefined ? "" : `; the interface says ${linkText(linkBitsPerSecond)}`;
  return skipped("link speed", `measured only while the Terminal does not run${nominal}`);
}

function speedText({ downBytesPerSecond, upBytesPerSecond }: LinkSpeed): string {
  return `from the Router ${sizeText(downBytesPerSecond)}/s, to it ${sizeText(upBytesPerSecond)}/s`;
}
