import { expect, test } from "bun:test";
import type { Release } from "@neson/protocol/release";
import { createRegistry } from "./registry.ts";
import { connectTerminal } from "./testing.ts";
import { Updates } from "./updates.ts";

const release = (version: string): Release => ({ version, notes: "", binaries: {} });

test("Updates announces to whose turn it is, after welcome and when the release changes, and not again", () => {
  const registry = createRegistry();
  const [old, fresh] = [connectTerminal("1.0.0"), connectTerminal("2.0.0")];
  for (const { terminal } of [old, fresh]) registry.add(terminal);
  let current: { release: Release } | undefined;
  const releases = {
    current: () => current,
    forTerminal: (_id: string, version: string) =>
      version < (current?.release.version ?? "") ? current?.release : undefined,
  };
  const updates = new Updates({ releases, registry });
  updates.tell(old.terminal);
  updates.look();
  expect(old.sent).toEqual([]);
  current = { release: release("1.5.0") };
  updates.look();
  updates.look();
  expect([old.sent, fresh.sent]).toEqual([[{ type: "update", release: release("1.5.0") }], []]);
  current = { release: release("3.0.0") };
  updates.look();
  updates.tell(fresh.terminal);
  const versions = [old, fresh].map(({ sent }) =>
    sent.map((message) => message.type === "update" && message.release.version),
  );
  expect(versions).toEqual([
    ["1.5.0", "3.0.0"],
    ["3.0.0", "3.0.0"],
  ]);
});
