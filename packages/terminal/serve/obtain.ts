import type { Clock } from "@neson/kit/clock";
import type { TerminalMessage } from "@neson/protocol/messages";
import type { Wants } from "../control/wants.ts";
import type { Fill } from "../fill/fill.ts";
import type { Fills } from "../fill/fills.ts";
import type { HeaderSet } from "../store/header-set.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { StartCheck } from "../store/start-check.ts";
import type { StoredObject } from "../store/stored-object.ts";

/** A client waits so long for the Router's word, or for the check of an object that was here before a restart, ms. */
const WAIT_MS = 2000;

/** Where an answer's bytes come from: the store, or the fill that brings them. */
export interface Source {
  object: StoredObject;
  headerSet: HeaderSet;
  fill: Fill | undefined;
}

/** What obtaining needs. */
export interface ObtainDeps {
  store: ObjectStore;
  startCheck: StartCheck;
  fills: Fills;
  wants: Pick<Wants, "ask">;
  clock: Clock;
  /** Tells the Router, when there is one. */
  report: (message: Extract<TerminalMessage, { type: "failed" }>) => void;
}

/** The object under that header set if it is whole: the common case, without waiting. */
export function findWhole(store: ObjectStore, objectId: string, headersId: string): Source | undefined {
  const object = store.find(objectId);
  if (object === undefined || object.state !== "whole") return undefined;
  const headerSet = object.headerSets.get(headersId);
  return headerSet === undefined ? undefined : { object, headerSet, fill: undefined };
}

/** Gets hold of an object that is not ready: by checking it, by joining its fill, or by asking the Router. Never rejects. */
export async function obtain(objectId: string, headersId: string, deps: ObtainDeps): Promise<Source | undefined> {
  const { store, startCheck, wants } = deps;
  const object = store.find(objectId);
  if (object?.state === "unchecked") await within(WAIT_MS, startCheck.check(object), deps.clock);
  if (object?.state === "unchecked" && store.find(objectId) === object) {
    // Told so, the Router sends the next viewers elsewhere, this one included.
    const detail = "still being checked after a start; it is served as soon as that is done";
    deps.report({ type: "failed", objectId, headersId, code: "cancelled", detail });
    return undefined;
  }
  const known = findWhole(store, objectId, headersId) ?? (await joinFill(objectId, headersId, deps));
  if (known !== undefined) return known;
  if ((await wants.ask(objectId, headersId, WAIT_MS)) !== "save") return undefined;
  return findWhole(store, objectId, headersId) ?? (await joinFill(objectId, headersId, deps));
}

async function joinFill(
  objectId: string,
  headersId: string,
  { fills, store }: ObtainDeps,
): Promise<Source | undefined> {
  const job = fills.find(objectId, headersId);
  if (job === undefined) return undefined;
  let fill: Fill | undefined;
  try {
    fill = await job.ready;
  } catch {
    return undefined; // reported and logged where it happened
  }
  const object = store.find(objectId);
  const headerSet = object?.headerSets.get(headersId);
  if (object === undefined || headerSet === undefined) return undefined;
  return object.state === "whole" ? { object, headerSet, fill: undefined } : { object, headerSet, fill };
}

async function within(ms: number, awaited: Promise<unknown>, clock: Clock): Promise<void> {
  const waiting = new AbortController();
  await Promise.race([awaited, clock.sleep(ms, waiting.signal).catch(() => {})]);
  waiting.abort();
}
