import { randomBytes } from "node:crypto";
import type { Clock } from "@neson/kit/clock";
import type { RouterConfig } from "../config.ts";
import type { RecentIds } from "../registry/recent-ids.ts";
import type { Registry } from "../registry/registry.ts";
import type { Saves } from "../registry/saves.ts";
import { createSteerer } from "../steer/steerer.ts";
import { createTicketMint } from "../steer/ticket-mint.ts";

/** Chooses Terminals and mints the tickets, each of which is noted as open. */
export function createSteering(
  config: RouterConfig,
  deps: {
    ticketMark: string;
    registry: Registry;
    saves: Saves;
    masterKey: Uint8Array;
    ticketed: RecentIds;
    clock: Clock;
  },
) {
  const nowMs = () => deps.clock.nowMs();
  const mint = createTicketMint(
    { masterKey: deps.masterKey, ticketSeconds: Math.ceil(config.ticketMs / 1000), mark: deps.ticketMark },
    { nowMs, randomBytes },
  );
  return createSteerer({
    registry: deps.registry,
    mint: {
      group: (options) => {
        deps.ticketed.note(options.entry.object.objectId, nowMs());
        return mint.group(options);
      },
    },
    nowMs,
    save: (terminal, entry) => {
      void deps.saves.place(terminal, { objectId: entry.object.objectId, headersId: entry.headersId });
    },
  });
}
