import { closeSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { systemClock } from "@neson/kit/clock";
import { silentLog } from "@neson/kit/log";
import type { RouterMessage, TerminalMessage } from "@neson/protocol/messages";
import { Terms } from "../control/terms.ts";
import { Evictor } from "../evict/evictor.ts";
import { RankRows } from "../evict/evictor-rank-rows.ts";
import { AgedFreq } from "../evict/priority.ts";
import { FILL_LIMITS } from "../fill/fill.ts";
import { Fills } from "../fill/fills.ts";
import { Refetch } from "../fill/refetch.ts";
import { BlockPool } from "../store/block-pool.ts";
import { FileBody, openIfUnchanged, stampOf } from "../store/file-body.ts";
import { openIndex } from "../store/index-database.ts";
import { type Layout, openLayout } from "../store/layout.ts";
import { MemoryCache } from "../store/memory-cache.ts";
import { ObjectRows } from "../store/object-rows.ts";
import { ObjectStore } from "../store/object-store.ts";
import { Scrub } from "../store/scrub.ts";
import { Settings } from "../store/settings.ts";
import { StartCheck } from "../store/start-check.ts";
import { seededRandom } from "./objects.ts";

type Save = Extract<RouterMessage, { type: "save" }>;

/** What a storage process is told. */
export interface StorageOptions {
  dataDir: string;
  quotaBytes: number;
  seed: number;
  routerKey: string;
  /** By object id. */
  saves: Record<string, Save>;
}

const MAX_LOAD_PAUSE_MS = 4;

interface Parts {
  store: ObjectStore;
  layout: Layout;
  startCheck: StartCheck;
  fills: Fills;
  evictor: Evictor;
  random: () => number;
  /** Writes a line to standard output at once: a kill after this cannot take it back. */
  say: (line: string) => void;
  /** Does as if the Router had ordered the object: placed it here, or answered a viewer's want. */
  save: (objectId: string, id?: string) => void;
}

/**
 * Everything of a Terminal that touches its disk, in a process that runs until it is killed. `GET /work` sets it to work as hard as it
 * goes: saves, deletes, evictions, checks, and bytes that go bad by themselves. `GET /state` and `GET /objects/<object id>` show what
 * there is. Its lines are `ready <port>`, `checked`, `stored <object id>` for what it promises, and `going <object id>` for what it takes
 * back.
 */
export function runStorage(options: StorageOptions): void {
  const parts = openParts(options);
  const { startCheck, say } = parts;
  startCheck.start();
  startCheck.done.then(() => say("checked"));
  let isWorking = false;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/objects/")) return answerObject(pathname.slice("/objects/".length), parts);
      if (pathname === "/work" && !isWorking) work(options, parts);
      if (pathname === "/work") isWorking = true;
      const objects = [...parts.store.all()].map(({ objectId, size, state }) => ({ objectId, size, state }));
      return Response.json({ usedBytes: parts.store.usedBytes, objects });
    },
  });
  say(`ready ${server.port}`);
}

function openParts({ dataDir, quotaBytes, seed, routerKey, saves }: StorageOptions): Parts {
  const clock = systemClock;
  const log = silentLog;
  const random = seededRandom(seed);
  const say = (line: string) => void writeSync(1, `${line}\n`);
  const layout = openLayout(dataDir);
  const index = openIndex(layout.indexPath, { clock, log });
  const rows = new ObjectRows(index);
  const store = new ObjectStore(quotaBytes, { layout, rows, memory: new MemoryCache(0), clock, log });
  store.observe({ removed: ({ objectId }) => say(`going ${objectId}`) });
  const startCheck = new StartCheck(2 ** 30, { store, layout, clock, log });
  const common = { store, layout, startCheck, clock, log, random };
  const fills = new Fills({
    ...common,
    limits: { ...FILL_LIMITS, idleMs: 500 },
    terms: new Terms(new Settings(index)),
    routerKey: () => routerKey,
    onBytes: () => {},
    report: (message) => {
      const object = message.type === "stored" ? store.find(message.objectId) : undefined;
      // Spoiled meanwhile, and not found out yet: no promise.
      if (object === undefined || stampOf(statSync(layout.objectPath(object.objectId))) !== object.stamp) return;
      say(`stored ${object.objectId}`);
    },
  });
  const ranks = new RankRows(index);
  const policy = new AgedFreq({ capacityBytes: quotaBytes });
  const evictor: Evictor = new Evictor({ store, policy, ranks, clock, log, send: (message) => reply(message) });
  const reply = (message: TerminalMessage) => {
    if (message.type !== "evict") return false;
    const keep = message.objects.filter(() => random() < 0.2).map(({ objectId }) => objectId);
    setTimeout(() => evictor.reply(message.id, keep), random() * 3);
    return true;
  };
  const save = (objectId: string, id?: string) => {
    const order = saves[objectId];
    if (order !== undefined) fills.save(id === undefined ? order : { ...order, id });
  };
  new Scrub(50 * 2 ** 20, { store, rows, layout, clock, log }).start(startCheck.done);
  return { store, layout, startCheck, fills, evictor, random, say, save };
}

/** Does something every few milliseconds. */
function work({ quotaBytes, saves }: StorageOptions, parts: Parts): void {
  const { store, layout, fills, evictor, random, say, save } = parts;
  const ask = async (objectId: string) => {
    save(objectId, "want");
    return "save" as const;
  };
  const refetch = new Refetch({ store, ask, log: silentLog });
  const objectIds = Object.keys(saves);
  const anyId = () => objectIds[Math.floor(random() * objectIds.length)] ?? "";
  const anyObject = () => store.find(anyId());
  const actions: (() => void)[] = [
    () => save(anyId()),
    () => save(anyId()),
    () => save(anyId(), "want"),
    () => fills.delete(anyId(), undefined, "test"),
    () => store.setQuota(Math.floor(quotaBytes * (0.7 + random() * 0.3))),
    () => evictor.look(),
    () => evictor.flush(),
    () => store.flushUse(),
    () => refetch.online(),
    () => {
      const object = anyObject();
      if (object !== undefined) store.noteUse(object, Date.now());
    },
    () => {
      const object = anyObject();
      // What changes under an open transfer nobody can see: the bytes after the change go out.
      if (object?.state !== "whole" || object.transferCount > 0 || random() < 0.7) return;
      say(`going ${object.objectId}`);
      spoil(layout.objectPath(object.objectId), Math.floor(random() * object.size));
    },
  ];
  const act = () => {
    actions[Math.floor(random() * actions.length)]?.();
    setTimeout(act, random() * MAX_LOAD_PAUSE_MS);
  };
  act();
}

/** Changes one byte, as a bad disk would. */
function spoil(path: string, position: number): void {
  const file = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, position);
  byte[0] = (byte[0] ?? 0) ^ 1;
  writeSync(file, byte, 0, 1, position);
  closeSync(file);
}

/** The bytes of an object that is whole or being filled, as serving would send them. */
async function answerObject(objectId: string, parts: Parts): Promise<Response> {
  const { store, layout, startCheck, fills } = parts;
  const object = store.find(objectId);
  if (object?.state === "unchecked") await startCheck.check(object);
  if (object?.state === "whole") {
    const file = openIfUnchanged(layout.objectPath(objectId), object.stamp);
    if (file === undefined) {
      store.setUnchecked(object);
      return new Response(null, { status: 404 });
    }
    const deps = { nowMs: Date.now, onBytes: () => {}, blocks: new BlockPool(1) };
    object.transferCount++;
    return new Response(streamOf(new FileBody(file, 0, object.size - 1, deps), () => object.transferCount--));
  }
  const [headersId = ""] = object?.headerSets.keys() ?? [];
  const fill = await fills.find(objectId, headersId)?.ready.catch(() => undefined);
  const body = fill?.read(0, (object?.size ?? 0) - 1);
  return body === undefined ? new Response(null, { status: 404 }) : new Response(streamOf(body));
}

function streamOf(body: AsyncIterator<Uint8Array>, onEnd: () => void = () => {}): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const step = await body.next();
      // A body uses its block again; a stream keeps it.
      if (!step.done) controller.enqueue(new Uint8Array(step.value));
      else {
        onEnd();
        controller.close();
      }
    },
    async cancel() {
      onEnd();
      await body.return?.();
    },
  });
}
