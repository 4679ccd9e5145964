import { expect, test } from "bun:test";
import { KeyChanges } from "./key-changes.ts";
import { type Notice, noticeSchema } from "./message.ts";

test("KeyChanges tells each key once, removed if it ever was, and a whole site behind what came before", () => {
  const notices: Notice[] = [];
  using changes = new KeyChanges({ publish: (notice) => notices.push(notice) });
  changes.note({ site: "shop", key: "/a", isRemoved: true });
  changes.note({ site: "shop", key: "/a", isRemoved: false });
  changes.note({ site: "shop", key: "/b", isRemoved: false });
  changes.note({ site: "shop", isRemoved: true });
  changes.flush();
  expect(notices).toEqual([
    {
      type: "keys",
      keys: [
        ["shop", "/a", true],
        ["shop", "/b", false],
      ],
    },
    { type: "forgotten", site: "shop" },
  ]);
});

test("KeyChanges tells by itself before long, and never more at once than a notice may hold", async () => {
  const notices: Notice[] = [];
  using changes = new KeyChanges({ publish: (notice) => notices.push(notice) });
  for (let i = 0; i < 1200; i++) changes.note({ site: "shop", key: `/${i}`, isRemoved: false });
  for (let i = 0; i < 20; i++) changes.note({ site: "shop", key: `/${"x".repeat(60_000)}${i}`, isRemoved: false });
  const endMs = performance.now() + 5000;
  const told = () => notices.reduce((sum, notice) => sum + (notice.type === "keys" ? notice.keys.length : 0), 0);
  while (told() < 1220 && performance.now() < endMs) await Bun.sleep(5);
  expect(told()).toBe(1220);
  for (const notice of notices) {
    expect(noticeSchema.safeParse(notice).success).toBe(true);
    expect(JSON.stringify(notice).length).toBeLessThan(500_000);
  }
});
