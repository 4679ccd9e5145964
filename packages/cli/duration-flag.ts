import { durationSchema } from "@neson/kit/config";
import { NesonError } from "@neson/kit/error";

/** A flag's duration in milliseconds. @throws NesonError `bad-option` (operator) */
export function durationOf(flag: string, text: string): number {
  const parsed = durationSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  const message = `option ${flag}: found ${JSON.stringify(text)}, allowed: ${durationSchema.description}`;
  throw new NesonError("bad-option", message, { fault: "operator" });
}
