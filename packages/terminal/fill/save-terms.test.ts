import { expect, test } from "bun:test";
import { publish, saveOf, seededBytes } from "../testing/objects.ts";
import { openTestStore } from "../testing/start-store.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { applyTerms, mergeTerms, saveTermsOf } from "./save-terms.ts";

const film = publish(seededBytes(1000, 1));
const order = saveOf(film, "http://127.0.0.1:1/x");
const plain = saveTermsOf(order);
const pinned = saveTermsOf({ ...order, keepUntil: 2000, isPinned: true });
const wanted = saveTermsOf({ ...order, id: "w1" });

test("saveTermsOf() takes a save that answers no want for a placement", () => {
  expect(plain).toEqual({ keepUntilSeconds: undefined, isPinned: false, isPlaced: true, saysHowLong: true });
  expect(wanted).toMatchObject({ isPlaced: false, saysHowLong: false });
  expect(saveTermsOf({ ...order, id: "w1", keepUntil: 5 })).toMatchObject({ keepUntilSeconds: 5, saysHowLong: true });
});

test("mergeTerms() goes by what was said last, and keeps it when the answer to a want says nothing", () => {
  expect(mergeTerms(pinned, plain)).toMatchObject({ keepUntilSeconds: undefined, isPinned: false, isPlaced: true });
  expect(mergeTerms(pinned, wanted)).toMatchObject({ keepUntilSeconds: 2000, isPinned: true, isPlaced: true });
  expect(mergeTerms(wanted, pinned)).toMatchObject({ keepUntilSeconds: 2000, isPinned: true, isPlaced: true });
});

test("applyTerms() changes the object, its row and who hears of it, where there is something to change", () => {
  using directory = temporaryDirectory();
  using opened = openTestStore(directory.path);
  const { store, rows } = opened;
  const object = store.begin(film.description, wanted);
  const heard: unknown[] = [];
  store.observe({ termsChanged: ({ keepUntilSeconds }) => heard.push(keepUntilSeconds) });
  applyTerms(store, object, wanted);
  expect([heard, object.isAdmitted]).toEqual([[], false]);
  applyTerms(store, object, pinned);
  applyTerms(store, object, pinned);
  applyTerms(store, object, wanted);
  expect([heard, object.isAdmitted]).toEqual([[2000], true]);
  expect(rows.all()).toMatchObject([{ keep_until: 2000, is_pinned: 1, is_placed: 1 }]);
  applyTerms(store, object, plain);
  expect(rows.all()).toMatchObject([{ keep_until: null, is_pinned: 0, is_placed: 1 }]);
});
