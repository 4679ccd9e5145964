/** How lines may look where they are shown. */
export interface Look {
  /** Escape codes for colours. */
  hasColour: boolean;
  /** More than ASCII. */
  hasUnicode: boolean;
}

type Colour = "red" | "green" | "yellow" | "dim" | "bold";

const CODES: Record<Colour, number> = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 };

/** Colours go to terminal windows only, and not to people who set NO_COLOR (no-color.org); signs beyond ASCII need UTF-8. */
export function lookOf(isTerminal: boolean, env: Record<string, string | undefined>, platform: string): Look {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || "";
  const isUtf8 =
    /utf-?8/i.test(locale) || platform === "darwin" || (platform === "win32" && env.WT_SESSION !== undefined);
  return {
    hasColour: isTerminal && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb",
    hasUnicode: isTerminal && isUtf8,
  };
}

/** Text in a colour, where there are colours. */
export function coloured(text: string, colour: Colour, { hasColour }: Look): string {
  return hasColour ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

/** Words in lines of at most `width` characters, each line after `indent`. A word that is longer stands alone. */
export function wrapped(text: string, indent: string, width = 80): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    if (line !== "" && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  if (line !== "") lines.push(indent + line);
  return lines;
}
