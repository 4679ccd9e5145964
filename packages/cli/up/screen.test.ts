import { expect, test } from "bun:test";
import { Screen } from "./screen.ts";

/** Lines as a terminal would show them after every write, understanding the two sequences that Screen uses. */
function paper(columns?: number) {
  let shown: string[] = [""];
  return {
    columns,
    write: (text: string) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what this is about.
      const erase = /^\u001b\[(\d+)A\u001b\[0J/.exec(text);
      if (erase !== null) shown = [...shown.slice(0, shown.length - 1 - Number(erase[1])), ""];
      const added = text.slice(erase?.[0].length ?? 0).split("\n");
      shown = [...shown.slice(0, -1), (shown.at(-1) ?? "") + added[0], ...added.slice(1)];
    },
    lines: () => shown.slice(0, -1),
  };
}

test("draw() replaces the block drawn before and leaves what was printed", () => {
  const on = paper();
  const screen = new Screen(on);
  screen.print("hello");
  screen.draw(["a 1", "b 1"]);
  screen.draw(["a 2"]);
  screen.draw(["a 3", "b 3", "c 3"]);
  expect(on.lines()).toEqual(["hello", "a 3", "b 3", "c 3"]);
});

test("print() puts a line above the block", () => {
  const on = paper();
  const screen = new Screen(on);
  screen.draw(["a 1"]);
  screen.print("news");
  screen.draw(["a 2"]);
  expect(on.lines()).toEqual(["news", "a 2"]);
});

test("draw() cuts lines at the terminal's width", () => {
  const on = paper(4);
  new Screen(on).draw(["123456"]);
  expect(on.lines()).toEqual(["1234"]);
});
