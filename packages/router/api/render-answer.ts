import type { Call, CallAnswer } from "./call.ts";
import { etagOf, isUnchanged } from "./etag.ts";

/** A call's answer as the client gets it: JSON, text, or a stream as NDJSON or server-sent events. */
export function renderAnswer(call: Call, answer: CallAnswer, request: Request): Response {
  const headers = new Headers(answer.headers);
  if (answer.lines !== undefined) return renderLines(answer.lines, answer.status ?? 200, headers, request);
  if (answer.text !== undefined) {
    const { type, content } = answer.text;
    headers.set("Content-Type", `${type}; charset=utf-8`);
    const body = typeof content === "string" ? content : streamOf(content);
    return new Response(body, { status: answer.status ?? 200, headers });
  }
  if (answer.json === undefined) return new Response(null, { status: answer.status ?? 204, headers });
  if (call.isVersioned) {
    const tag = etagOf(answer.version ?? answer.json);
    headers.set("ETag", tag);
    if (call.method === "GET" && isUnchanged(request.headers, tag)) return new Response(null, { status: 304, headers });
  }
  return Response.json(answer.json, { status: answer.status ?? 200, headers });
}

function renderLines(lines: AsyncIterable<unknown>, status: number, headers: Headers, request: Request): Response {
  const wantsEvents = request.headers.get("accept")?.includes("text/event-stream") ?? false;
  headers.set("Content-Type", wantsEvents ? "text/event-stream" : "application/x-ndjson");
  // What buffers answers on the way would hold lines back.
  headers.set("X-Accel-Buffering", "no");
  const texts = mapped(lines, (line) => {
    const text = JSON.stringify(line);
    return wantsEvents ? `data: ${text}\n\n` : `${text}\n`;
  });
  return new Response(streamOf(texts), { status, headers });
}

async function* mapped<T>(lines: AsyncIterable<T>, render: (line: T) => string): AsyncGenerator<string> {
  for await (const line of lines) yield render(line);
}

/** Text as it is asked for: a slow client makes its source wait, and one that leaves ends it. */
function streamOf(texts: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const iterator = texts[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: async () => {
      await iterator.return?.();
    },
  });
}
