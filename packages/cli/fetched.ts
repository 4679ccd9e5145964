import { describeError, NesonError } from "@neson/kit/error";
import { describeIssue } from "@neson/protocol/fields";
import type { z } from "zod";

/** How to fetch; `fetch` itself outside of tests. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * The body of an answer as text.
 * @throws NesonError `bad-answer` (operator) when it is longer than allowed
 */
export async function readBounded(answer: Response, maxBytes: number): Promise<string> {
  const blocks: Uint8Array[] = [];
  let bytes = 0;
  for await (const block of answer.body ?? []) {
    bytes += block.length;
    if (bytes > maxBytes) {
      const message = `reading ${answer.url}: found more than ${maxBytes} bytes`;
      throw new NesonError("bad-answer", message, { fault: "operator" });
    }
    blocks.push(block);
  }
  return Buffer.concat(blocks).toString("utf8");
}

/**
 * JSON text as its schema has it.
 * @param source where it came from, for the message
 * @throws NesonError `bad-answer` (operator: they chose whom to ask)
 */
export function parseJson<T>(schema: z.ZodType<T>, text: string, source: string): T {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new NesonError("bad-answer", `reading ${source}: ${describeError(cause)}`, { fault: "operator", cause });
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new NesonError("bad-answer", describeIssue(source, parsed.error, raw).text, { fault: "operator" });
}

/** Text of a stranger with nothing in it that could command a terminal window. */
export function printable(text: string): string {
  return text.replace(/[^\P{C}\n]/gu, "");
}
