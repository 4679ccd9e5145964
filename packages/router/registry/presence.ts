import type { Log } from "@neson/kit/log";
import type { ConnectedTerminal } from "./connected-terminal.ts";
import type { RouterList } from "./router-list.ts";
import type { Standings } from "./standings.ts";
import type { Tracks } from "./tracks.ts";
import type { Updates } from "./updates.ts";

/** Who is told of what befalls a Terminal. None of these throws. */
export interface Presence {
  /** It was let in and has its `welcome`. */
  joined(terminal: ConnectedTerminal): void;
  /** Its connection ended, and it had not said `leave`. */
  lost(terminal: ConnectedTerminal, why: string): void;
  /** Its connection is there, but viewers get no answer at its endpoint. */
  unreachable(terminal: ConnectedTerminal, why: string): void;
  /** Something of its standing is different now. */
  changed(terminalId: string): void;
}

/** Presence that keeps Terminals posted of their standing and of releases and other Routers, and lost connections in mind. */
export function createPresence(deps: {
  standings: Pick<Standings, "tell" | "noteChanged">;
  updates: Pick<Updates, "tell">;
  routers: Pick<RouterList, "tell">;
  tracks: Pick<Tracks, "noteLostConnection">;
  log: Log;
}): Presence {
  const { standings, updates, routers, tracks, log } = deps;
  const note = ({ id }: ConnectedTerminal, why: string) => {
    tracks.noteLostConnection(id, why).catch((error) => {
      log.error({ err: error, terminal: id }, "noting a lost connection failed");
    });
  };
  return {
    joined: (terminal) => {
      void standings.tell(terminal);
      updates.tell(terminal);
      routers.tell(terminal);
    },
    lost: note,
    unreachable: (terminal, why) => {
      note(terminal, why);
      standings.noteChanged(terminal.id);
    },
    changed: (terminalId) => standings.noteChanged(terminalId),
  };
}
