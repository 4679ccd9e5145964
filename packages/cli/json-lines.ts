import { NesonError } from "@neson/kit/error";

const MAX_LINE_CHARS = 1_000_000;

/** Lines of NDJSON as they come, parsed. @throws NesonError `bad-answer` (operator) when one is no JSON, or longer than a million characters */
export async function* jsonLines(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const block of blocks) {
    const lines = (rest + decoder.decode(block, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield parsed(line);
    if (rest.length > MAX_LINE_CHARS) throw bad(`a line of more than ${MAX_LINE_CHARS} characters`);
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw bad("a line that is not JSON", cause);
  }
}

function bad(found: string, cause?: unknown): NesonError {
  return new NesonError("bad-answer", `the Router sent ${found}`, { fault: "operator", cause });
}
