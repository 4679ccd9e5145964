import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { sealFillTicket } from "@neson/protocol/fill-ticket";
import type { Identity } from "@neson/protocol/identity";
import { type Manifest, signManifest } from "@neson/protocol/manifest";
import type { RouterMessage, TerminalMessage } from "@neson/protocol/messages";
import { isUnavailable } from "../db/database-trouble.ts";
import type { ConnectedTerminal } from "./connected-terminal.ts";

/** How long a fill may start after its `save`; a Terminal that comes later asks again. */
const FILL_TICKET_SECONDS = 3600;

type Want = Extract<TerminalMessage, { type: "want" }>;
type Save = Extract<RouterMessage, { type: "save" }>;

/** Asks Terminals to keep objects, and answers those that ask for one. */
export interface Saves {
  /** Sends a `save` of that header set; failures are logged, never thrown. */
  place(terminal: ConnectedTerminal, object: { objectId: string; headersId: string }): Promise<void>;
  answerWant(want: Want, terminal: ConnectedTerminal): Promise<RouterMessage>;
}

/** What building a `save` needs. */
export interface SavesDeps {
  catalog: { manifestFor(objectId: string, headersId: string): Promise<Manifest | undefined> };
  /** True when the bytes can be filled from this Router now. */
  canFill: (objectId: string) => boolean;
  identity: Identity;
  clock: Clock;
  log: Log;
}

/**
 * Builds and sends saves; `controlUrl` is where Terminals reach this Router. They carry neither `keepUntil` nor `isPinned`: an object is wanted for as
 * long as it is asked for, and whether the last replica may go is judged when a Terminal asks to evict it, with what is known by then.
 */
export function createSaves(options: { controlUrl: () => string; fillKey: Uint8Array }, deps: SavesDeps): Saves {
  const saveOf = async (
    terminal: ConnectedTerminal,
    object: { objectId: string; headersId: string },
  ): Promise<Omit<Save, "priority"> | undefined> => {
    if (!deps.canFill(object.objectId)) return undefined;
    const manifest = await deps.catalog.manifestFor(object.objectId, object.headersId);
    if (manifest === undefined) return undefined;
    const expiresAt = Math.floor(deps.clock.nowMs() / 1000) + FILL_TICKET_SECONDS;
    const fillTicket = sealFillTicket(
      { objectId: object.objectId, terminalId: terminal.id, expiresAt },
      options.fillKey,
    );
    return {
      type: "save",
      manifest: signManifest(manifest, deps.identity),
      fillUrl: `${options.controlUrl()}/v1/fill/${fillTicket}`,
    };
  };
  return {
    place: async (terminal, object) => {
      try {
        const save = await saveOf(terminal, object);
        if (save === undefined) return;
        terminal.noteOrdered(object.objectId);
        terminal.send({ ...save, priority: "background" });
      } catch (error) {
        deps.log.error({ err: error, ...object }, `placing an object failed: ${describeError(error)}`);
      }
    },
    answerWant: async (want, terminal) => {
      let save: Awaited<ReturnType<typeof saveOf>>;
      try {
        save = await saveOf(terminal, want);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        return { type: "nothing", id: want.id, reason: "this Router cannot look up its objects now; ask again later" };
      }
      if (save !== undefined) {
        terminal.noteOrdered(want.objectId);
        return { ...save, priority: "now", id: want.id };
      }
      terminal.noteLacked(want.objectId, deps.clock.nowMs());
      return { type: "nothing", id: want.id, reason: "this Router has no such object to fill from" };
    },
  };
}
