import { expect, test } from "bun:test";
import { createRegistry } from "./registry.ts";
import { RouterList } from "./router-list.ts";
import { connectTerminal } from "./testing.ts";

test("RouterList tells a newcomer of other Routers, and everybody when the list is another one", () => {
  const registry = createRegistry();
  let urls: string[] = [];
  const list = new RouterList({ registry, urls: () => urls });
  const { terminal, sent } = connectTerminal();
  list.tell(terminal);
  expect(sent).toEqual([]);
  registry.add(terminal);
  urls = ["http://b.example", "http://a.example", "http://a.example"];
  list.changed();
  list.changed();
  list.tell(terminal);
  urls = [];
  list.changed();
  const both = { type: "routers" as const, urls: ["http://a.example", "http://b.example"] };
  expect(sent).toEqual([both, both, { type: "routers", urls: [] }]);
});
