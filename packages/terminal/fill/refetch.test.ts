import { expect, test } from "bun:test";
import { silentLog } from "@neson/kit/log";
import { headersIdOf } from "@neson/protocol/manifest";
import type { WantOutcome } from "../control/wants.ts";
import type { StoredObject } from "../store/stored-object.ts";
import { describeBytes, seededBytes } from "../testing/objects.ts";
import { openTestStore } from "../testing/start-store.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { until } from "../testing/until.ts";
import { Refetch } from "./refetch.ts";

const list: [string, string][] = [["content-type", "text/plain"]];
const headerSet = { headersId: headersIdOf(list), site: "demo", list };

/** A store with so many interrupted fills, and a Router that answers as told. */
function open(dataDir: string, count: number, answer: (asked: string[]) => WantOutcome | Promise<WantOutcome>) {
  const opened = openTestStore(dataDir);
  const { store } = opened;
  const objects: StoredObject[] = [];
  for (let seed = 0; seed < count; seed++) {
    const object = store.begin(describeBytes(seededBytes(1000, seed)));
    store.addHeaderSet(object, headerSet);
    objects.push(object);
  }
  const asked: string[] = [];
  const ask = async (objectId: string, headersId: string) => {
    expect(headersId).toBe(headerSet.headersId);
    asked.push(objectId);
    return answer(asked);
  };
  return { ...opened, objects, asked, refetch: new Refetch({ store, ask, log: silentLog }) };
}

test("Refetch asks, one after another, for all that is not whole when a Router is there", async () => {
  using directory = temporaryDirectory();
  let waiting = 0;
  let mostWaiting = 0;
  using run = open(directory.path, 3, async (): Promise<WantOutcome> => {
    mostWaiting = Math.max(mostWaiting, ++waiting);
    await Bun.sleep(1);
    waiting--;
    return "save";
  });
  const [, busy] = run.objects;
  if (busy !== undefined) busy.isFilling = true;
  run.refetch.online();
  run.refetch.online();
  await until("both were asked for", () => run.asked.length === 2 && waiting === 0);
  expect([mostWaiting, run.asked.includes(busy?.objectId ?? "")]).toEqual([1, false]);
  expect(run.store.stats().objects).toBe(3);
});

test("Refetch gives up what the Router does not have any more, and what has no header set left", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path, 2, () => "nothing");
  run.store.begin(describeBytes(seededBytes(1000, 9)));
  run.refetch.online();
  await until("all are gone", () => run.store.stats().objects === 0);
  expect(run.asked).toHaveLength(2);
});

test("Refetch keeps everything, and asks again the next time, when the channel goes or no answer comes", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path, 3, (asked) => (asked.length === 1 ? "offline" : "late"));
  run.refetch.online();
  await until("one was asked for", () => run.asked.length === 1);
  await Bun.sleep(1);
  expect([run.asked.length, run.store.stats().objects]).toEqual([1, 3]);
  run.refetch.online();
  await until("all were asked for", () => run.asked.length === 4);
  expect(run.store.stats().objects).toBe(3);
});

test("Refetch asks at once for an object that turns out damaged", async () => {
  using directory = temporaryDirectory();
  using run = open(directory.path, 1, () => "save");
  const [object] = run.objects;
  if (object === undefined) throw new Error("none");
  run.store.setWhole(object, "s");
  run.store.setDamaged(object);
  await until("it was asked for", () => run.asked.length === 1);
  expect(run.asked).toEqual([object.objectId]);
});
