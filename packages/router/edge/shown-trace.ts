import { networkOf } from "@neson/kit/address";
import type { Answer, Headers } from "@neson/kit/http/answer";
import { header, removeHeader, setHeader } from "@neson/kit/http/answer";
import { type Dictionary, serializeDictionary, Token } from "structured-headers";
import type { Trace } from "./trace.ts";

/** The field with a key in requests, with the trace in answers. */
export const TRACE_FIELD = "x-neson-trace";

const MAX_STEPS = 40;
const MAX_STEP_CHARS = 200;
/** What lets caches on the way keep an answer; one with a trace is for its asker alone. */
const CACHING_FIELDS = ["Expires", "CDN-Cache-Control", "Surrogate-Control"];

/** The answer with what was decided about it, as a dictionary of RFC 9651, and for no cache to keep. */
export function withTrace(answer: Answer, trace: Trace): Answer {
  const { outcome, terminalId, originStatus, originMs, clientAddress, steps } = trace;
  const shown: Dictionary = new Map();
  shown.set("outcome", [new Token(outcome), new Map()]);
  const put = (name: string, value: string | number | undefined) => {
    if (value !== undefined) shown.set(name, [typeof value === "string" ? ascii(value) : Math.round(value), new Map()]);
  };
  put("client-network", clientAddress === undefined ? undefined : networkOf(clientAddress));
  put("terminal", terminalId);
  put("origin-status", originStatus);
  put("origin-ms", originMs);
  put("cache-control", header(answer.headers, "cache-control"));
  shown.set("steps", [steps.slice(0, MAX_STEPS).map((step) => [ascii(step), new Map()]), new Map()]);
  const kept = CACHING_FIELDS.reduce<Headers>((headers, name) => removeHeader(headers, name), answer.headers);
  return {
    ...answer,
    headers: [...setHeader(kept, "Cache-Control", "no-store"), "X-Neson-Trace", serializeDictionary(shown)],
  };
}

/** Text as a string of a structured field may hold it (RFC 9651 3.3.3). */
function ascii(text: string): string {
  return text.slice(0, MAX_STEP_CHARS).replace(/[^\x20-\x7e]/g, "?");
}
