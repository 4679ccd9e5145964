import type { Call, CallAnswer } from "./call.ts";
import { etagOf, isUnchanged } from "./etag.ts";

/**
 * A call's answer as the client gets it: JSON, text, or a stream as NDJSON or server-sent events.
 * @param failed told of a stream that breaks off because its source failed; the client sees its connection cut
 */
export function renderAnswer(
  call: Call,
  answer: CallAnswer,
  request: Request,
  failed: (error: unknown) => void,
): Response {
  const headers = new Headers(answer.headers);
  if (answer.lines !== undefined) {
    const body = streamOf(rendered(answer.lines, headers, request), failed);
    return new Response(body, { status: answer.status ?? 200, headers });
  }
  if (answer.text !== undefined) {
    const { type, content } = answer.text;
    headers.set("Content-Type", `${type}; charset=utf-8`);
    const body = typeof content === "string" ? content : streamOf(content, failed);
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

/** Lines as text, in the form that the client asks for; sets the fields that go with it. */
function rendered(lines: AsyncIterable<unknown>, headers: Headers, request: Request): AsyncIterable<string> {
  const wantsEvents = request.headers.get("accept")?.includes("text/event-stream") ?? false;
  headers.set("Content-Type", wantsEvents ? "text/event-stream" : "application/x-ndjson");
  // What buffers answers on the way would hold lines back.
  headers.set("X-Accel-Buffering", "no");
  return mapped(lines, (line) => {
    const text = JSON.stringify(line);
    return wantsEvents ? `data: ${text}\n\n` : `${text}\n`;
  });
}

async function* mapped<T>(lines: AsyncIterable<T>, render: (line: T) => string): AsyncGenerator<string> {
  for await (const line of lines) yield render(line);
}

/** Text as it is asked for: a slow client makes its source wait, and one that leaves ends it. */
function streamOf(texts: AsyncIterable<string>, failed: (error: unknown) => void): ReadableStream<Uint8Array> {
  const iterator = texts[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      } catch (error) {
        failed(error);
        controller.error(error);
      }
    },
    cancel: async () => {
      await iterator.return?.();
    },
  });
}
