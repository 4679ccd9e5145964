import { NesonError } from "@neson/kit/error";
import { describeIssue } from "@neson/protocol/fields";
import type { z } from "zod";

const MAX_BODY_BYTES = 1_048_576;

/**
 * A request's body as JSON.
 * @throws NesonError `body-too-long` or `not-json` (caller)
 */
export async function readJson(request: Request): Promise<unknown> {
  const text = await request.text();
  if (text.length > MAX_BODY_BYTES) {
    throw new NesonError("body-too-long", `body: found ${text.length} bytes, allowed: ${MAX_BODY_BYTES}`, {
      fault: "caller",
    });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new NesonError("not-json", "body: found text that is not JSON, allowed: a JSON object", { fault: "caller" });
  }
}

/**
 * A request's body, read through its schema.
 * @throws NesonError as `readJson`, or `bad-body` (caller)
 */
export async function readBody<T extends z.ZodType>(request: Request, schema: T): Promise<z.infer<T>> {
  const value = await readJson(request);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new NesonError("bad-body", describeIssue("body", parsed.error, value).text, { fault: "caller" });
}
