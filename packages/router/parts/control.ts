import { toBase64Url } from "@neson/protocol/bytes";
import { deriveTicketKey, ticketKeyDay } from "@neson/protocol/ticket";
import type { RouterConfig } from "../config.ts";
import { viewerSchemeOf } from "../viewers/listen-for-viewers.ts";
import type { Keys } from "./storage.ts";

/** How the listener for Terminals and operators is set up. */
export function controlOptions(config: RouterConfig, keys: Keys) {
  return {
    hostname: config.controlHost,
    port: config.controlPort,
    fillKey: keys.fill,
    channel: {
      routerKey: keys.identity.publicKey,
      edgeScheme: viewerSchemeOf(config),
      maxObjectBytes: config.maxObjectBytes,
      maxTerminals: config.maxTerminals,
      terminalCapacityBytesPerSecond: config.terminalCapacityBytes,
    },
  };
}

/** Today's and tomorrow's key: a Terminal that is out of touch over midnight still knows the tickets of the new day. */
export function ticketKeysOf(masterKey: Uint8Array, terminalId: string, nowMs: number): { day: number; key: string }[] {
  const today = ticketKeyDay(Math.floor(nowMs / 1000));
  return [today, today + 1].map((day) => ({ day, key: toBase64Url(deriveTicketKey(masterKey, terminalId, day)) }));
}
