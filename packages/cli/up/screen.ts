/** What the screen is drawn on; `process.stdout` is one. */
export interface Paper {
  write(text: string): unknown;
  /** Width in characters; undefined where it is no terminal. */
  columns?: number | undefined;
}

/** Redraws a block of lines in place on a terminal, below whatever was printed before. */
export class Screen {
  readonly #paper: Paper;
  #drawnLines = 0;

  constructor(paper: Paper) {
    this.#paper = paper;
  }

  /** Replaces the block. Lines are cut at the terminal's width: a wrapped one could not be erased again. */
  draw(lines: readonly string[]): void {
    const width = this.#paper.columns ?? Number.POSITIVE_INFINITY;
    const block = lines.map((line) => line.slice(0, width)).join("\n");
    this.#paper.write(`${this.#erase()}${block}\n`);
    this.#drawnLines = lines.length;
  }

  /** Prints a line above the block, which comes back with the next draw. */
  print(line: string): void {
    this.#paper.write(`${this.#erase()}${line}\n`);
    this.#drawnLines = 0;
  }

  #erase(): string {
    return this.#drawnLines === 0 ? "" : `\u001b[${this.#drawnLines}A\u001b[0J`;
  }
}
