import type { Warning } from "./status.ts";
import type { WarningFacts } from "./warnings.ts";

/** A start, or a Router that is restarted, may take that long before it is worth a warning. */
const PATIENCE_MS = 15_000;

const REMEDIES: Record<string, string> = {
  "unreachable-endpoint":
    "Open the listening port in this machine's firewall and forward it in the network's router; then check that --endpoint names the address that the outside sees. neson terminal doctor tries it.",
  "bad-endpoint":
    "Give the address that viewers reach this machine at with --endpoint; a private one is of no use to them.",
  "bad-signature":
    "Start it again. If it stays, identity.key in the data directory is damaged: restore it from your backup.",
  "protocol-version": "Install the version that the Router's install page offers: one of the two sides is too old.",
  "bad-message": "Install the version that the Router's install page offers: one of the two sides is too old.",
  duplicate: "Another machine, or another process, runs with a copy of this identity.key. Stop one of them.",
  full: "Nothing to mend here: the Router has no place at present. It is asked again by itself.",
  "wrong-router":
    "The Router shows another key than the one this Terminal believes. Ask its operator; if the change is right, name the new key with --router-key.",
};

const NO_ANSWER =
  "Check this machine's network and that --router is the Router's address. It is tried again by itself; what is stored goes on being served meanwhile.";

/** Why nobody is sent here at present. */
export function connectionWarnings({ connection, identity, storage, nowMs }: WarningFacts): Warning[] {
  if (storage.refusesSaves === "draining") {
    const message = "This Terminal is leaving: it finishes what is open, settles its claims, and ends.";
    return [{ code: "leaving", level: "info", message, remedy: "Nothing to do. Start it again to come back." }];
  }
  const { isConnected, lastRefusal } = connection;
  if (isConnected) return [];
  if (lastRefusal === undefined) {
    if (nowMs - identity.startedAtMs < PATIENCE_MS) return [];
    const message = `No Router has this Terminal in: ${identity.routerUrl} does not answer.`;
    return [{ code: "not-connected", level: "error", message, remedy: NO_ANSWER }];
  }
  const { code, message } = lastRefusal;
  const remedy = REMEDIES[code] ?? NO_ANSWER;
  if (code === "unreachable-endpoint") {
    const text = `Viewers cannot reach this Terminal at ${identity.endpoint}. ${sentence(message)}`;
    return [{ code: "unreachable", level: "error", message: text, remedy }];
  }
  const text = `No Router has this Terminal in. ${sentence(message)}`;
  return [{ code: "not-connected", level: code === "full" ? "warning" : "error", message: text, remedy }];
}

/** The Router's own words, as a sentence. */
function sentence(reason: string): string {
  const text = `The reason given: ${reason.trim().slice(0, 400)}`;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
