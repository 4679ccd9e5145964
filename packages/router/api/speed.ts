import { randomBytes } from "node:crypto";
import type { Clock } from "@neson/kit/clock";
import type { SpeedGrants, SpeedRun } from "../registry/speed-grants.ts";

const BLOCK_BYTES = 65_536;
const PATH = /^\/v1\/speed\/([A-Za-z0-9_-]{43})$/;

/** What measuring needs. */
export interface SpeedDeps {
  grants: Pick<SpeedGrants, "begin">;
  clock: Clock;
}

/**
 * Answers `/v1/speed/<token>`: GET with bytes that do not compress, as many as fit bounds and time; POST with `{bytes, ms}` of what it took in.
 * Every block waits for its turn behind whatever else this process has to do.
 */
export async function answerSpeed(request: Request, path: string, deps: SpeedDeps): Promise<Response> {
  const token = PATH.exec(path)?.[1];
  if (token === undefined) return plain(404, "no such measurement; expected /v1/speed/<token>");
  const { method } = request;
  if (method !== "GET" && method !== "POST") return plain(405, "allowed: GET and POST", { Allow: "GET, POST" });
  const run = deps.grants.begin(token, method);
  if ("refused" in run) return plain(403, run.refused);
  if (method === "POST") return await takeIn(request, run, deps.clock);
  const headers = { "Content-Type": "application/octet-stream", "Cache-Control": "no-store" };
  return new Response(bytesFor(run, deps.clock), { headers });
}

function bytesFor(run: SpeedRun, clock: Clock): ReadableStream<Uint8Array> {
  const block = randomBytes(BLOCK_BYTES);
  const over = new AbortController();
  const end = () => {
    over.abort();
    run.end();
  };
  let leftBytes = run.maxBytes;
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        // A reader that stalls is let go all the same.
        const stopped = clock.sleep(run.maxMs, over.signal).then(() => {
          end();
          controller.close();
        });
        // Rejected when the measurement has ended before its time.
        stopped.catch(() => {});
      },
      pull: async (controller) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (over.signal.aborted) return;
        const bytes = Math.min(block.length, leftBytes);
        leftBytes -= bytes;
        controller.enqueue(block.subarray(0, bytes));
        if (leftBytes > 0) return;
        end();
        controller.close();
      },
      cancel: end,
    },
    { highWaterMark: 1 },
  );
}

async function takeIn(request: Request, run: SpeedRun, clock: Clock): Promise<Response> {
  const startedAtMs = clock.nowMs();
  const over = new AbortController();
  const timedOut = clock.sleep(run.maxMs, over.signal).catch(() => undefined);
  const reader = request.body?.getReader();
  let bytes = 0;
  try {
    while (reader !== undefined) {
      const next = await Promise.race([reader.read(), timedOut]);
      if (next === undefined || next.done) break;
      bytes += next.value.length;
      if (bytes > run.maxBytes) return plain(413, `found more than ${run.maxBytes} bytes, the most allowed`);
    }
    return Response.json({ bytes, ms: clock.nowMs() - startedAtMs });
  } catch {
    return plain(400, "the body broke off");
  } finally {
    over.abort();
    run.end();
    reader?.cancel().catch(() => {});
  }
}

function plain(status: number, line: string, headers: Record<string, string> = {}): Response {
  return new Response(`${line}\n`, { status, headers: { "Content-Type": "text/plain; charset=utf-8", ...headers } });
}
