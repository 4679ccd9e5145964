import { NesonError } from "@neson/kit/error";
import { badInput } from "./problem.ts";

/** The largest body of a call. */
const MAX_BODY_BYTES = 1_048_576;
const MAX_DEPTH = 32;

/**
 * A request's body as text; undefined without one.
 * @param signal aborts when the client takes too long
 * @throws NesonError `body-too-long`, `body-too-slow` or `not-json` (caller)
 */
export async function readBodyText(request: Request, signal: AbortSignal): Promise<string | undefined> {
  if (request.body === null) return undefined;
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > MAX_BODY_BYTES) throw tooLong(declared);
  const reader = request.body.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (signal.aborted) throw tooSlow();
      if (done) break;
      bytes += value.length;
      if (bytes > MAX_BODY_BYTES) throw tooLong(bytes);
      parts.push(value);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    if (bytes > MAX_BODY_BYTES) stop();
  }
  if (bytes === 0) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw new NesonError("not-json", "body: found bytes that are not UTF-8, allowed: JSON", { fault: "caller" });
  }
}

/**
 * JSON that is safe to walk and to merge: at most 32 deep, and no field is called `__proto__`.
 * @throws NesonError `not-json` or `bad-input` (caller)
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new NesonError("not-json", "body: found text that is not JSON, allowed: JSON", { fault: "caller" });
  }
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) {
      throw badInput([{ field: "body", found: "deeper nesting", allowed: `at most ${MAX_DEPTH} levels` }]);
    }
    const objects = level.filter((inner): inner is object => typeof inner === "object" && inner !== null);
    if (objects.some((inner) => Object.hasOwn(inner, "__proto__"))) {
      throw badInput([{ field: "body", found: "a field __proto__", allowed: "fields of other names" }]);
    }
    level = objects.flatMap((inner) => Object.values(inner));
  }
  return value;
}

function tooLong(bytes: number): NesonError {
  const message = `body: found ${bytes} bytes or more, allowed: ${MAX_BODY_BYTES}`;
  return new NesonError("body-too-long", message, { fault: "caller" });
}

function tooSlow(): NesonError {
  const message = "body: it did not arrive in time; send it again, faster";
  return new NesonError("body-too-slow", message, { fault: "caller" });
}
