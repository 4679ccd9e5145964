import type { Bus, BusHandlers } from "./bus.ts";
import { type Notice, noticeSchema, type Signal, signalSchema } from "./message.ts";
import { type DeliveryDeps, deliver, resync } from "./resync.ts";

/** Routers of one process that hear each other: one alone in a network of one, several in tests. */
export interface LocalNetwork {
  join(routerId: string): Bus;
}

interface Member {
  handlers: BusHandlers | undefined;
  work: Promise<void>;
  stop: AbortController;
}

/** A network without members. What is said arrives in one of the next turns, in order, as a copy that went through the schema. */
export function createLocalNetwork(deps: DeliveryDeps): LocalNetwork {
  const members = new Set<Member>();
  return {
    join: (routerId) => {
      const own: Member = { handlers: undefined, work: Promise.resolve(), stop: new AbortController() };
      members.add(own);
      const others = () => [...members].filter((other) => other !== own);
      return {
        routerId,
        isConnected: true,
        start: (handlers) => {
          own.handlers = handlers;
          own.work = resync(handlers, "the Router started", own.stop.signal, deps);
        },
        publish: (notice) => {
          for (const other of others()) hand(other, notice, routerId, deps);
        },
        signal: (signal) => {
          for (const other of others()) tell(other, signal, routerId);
        },
        [Symbol.asyncDispose]: async () => {
          members.delete(own);
          own.handlers = undefined;
          own.stop.abort();
          await own.work;
        },
      };
    },
  };
}

function hand(member: Member, notice: Notice, from: string, deps: DeliveryDeps): void {
  const { handlers, stop } = member;
  if (handlers === undefined) return;
  const copy = noticeSchema.parse(structuredClone(notice));
  member.work = member.work.then(async () => {
    if (!stop.signal.aborted) await deliver(handlers, copy, from, stop.signal, deps);
  });
}

function tell(member: Member, signal: Signal, from: string): void {
  const copy = signalSchema.parse(structuredClone(signal));
  queueMicrotask(() => member.handlers?.signal(copy, from));
}
