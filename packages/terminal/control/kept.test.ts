import { expect, test } from "bun:test";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { silentLog } from "@neson/kit/log";
import { z } from "zod";
import { openIndex } from "../store/index-database.ts";
import { Settings } from "../store/settings.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { Kept } from "./kept.ts";

test("Kept holds the last message over restarts, and takes a damaged one for none", () => {
  using directory = temporaryDirectory();
  const index = openIndex(join(directory.path, "index.sqlite"), { clock: new FakeClock(), log: silentLog });
  const settings = new Settings(index);
  const schema = z.object({ version: z.string() });
  const open = () => new Kept(settings, "release", schema);
  const kept = open();
  expect(kept.value).toBeUndefined();
  kept.accept({ version: "1" });
  kept.accept({ version: "2" });
  expect([kept.value, open().value]).toEqual([{ version: "2" }, { version: "2" }]);
  for (const damaged of ["{broken", '{"version":3}']) {
    settings.set("release", damaged);
    expect(open().value).toBeUndefined();
  }
  index.close();
});
