const GAP = "  ";

/** A table for people: columns as wide as their widest cell, a heading above, no line ends in spaces. */
export function textTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [headings.map((heading) => heading.toUpperCase()), ...rows];
  const widths = headings.map((_heading, column) => Math.max(...cells.map((row) => widthOf(row[column]))));
  const lines = cells.map((row) => row.map((cell, column) => padded(cell, widths[column] ?? 0)).join(GAP));
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

/** Names with their values, for one thing; a value of several lines stays in its column. */
export function textFacts(facts: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...facts.map(([name]) => widthOf(name)));
  return facts
    .flatMap(([name, value]) => {
      const [first = "", ...more] = value.trimEnd().split("\n");
      return [padded(name, width) + GAP + first, ...more.map((line) => " ".repeat(width) + GAP + line)];
    })
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

function padded(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** Columns that a terminal needs, as far as that can be told. */
function widthOf(text = ""): number {
  return Bun.stringWidth(text);
}
