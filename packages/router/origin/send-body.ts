import type { ClientRequest } from "node:http";
import { NesonError } from "@neson/kit/error";
import { trailerFields } from "@neson/kit/wire/trailer-fields";

/** Sends a request's body as fast as the origin takes it. `progress` hears of each chunk and of the end. */
export async function sendBody(
  sent: ClientRequest,
  { body, trailers }: { body: AsyncIterable<Uint8Array>; trailers?: (() => string[]) | undefined },
  progress: { connected: Promise<void>; bodyMoved(): void; bodySent(): void },
): Promise<void> {
  const closed = new Promise<"closed">((resolve) => sent.once("close", () => resolve("closed")));
  // Not read before there is a connection: until then it may be sent elsewhere.
  sent.flushHeaders();
  if ((await Promise.race([progress.connected, closed])) === "closed") return;
  try {
    for await (const chunk of body) {
      if (sent.destroyed) return;
      progress.bodyMoved();
      if (sent.write(chunk)) continue;
      const drained = new Promise<"drained">((resolve) => sent.once("drain", () => resolve("drained")));
      if ((await Promise.race([drained, closed])) === "closed") return;
    }
  } catch (cause) {
    // The client left in the middle: the origin must not take the part for the whole.
    sent.destroy();
    if (cause instanceof NesonError && cause.code === "content-too-large") throw cause;
    throw new NesonError("request-cut-short", "the client's request body ended early", { fault: "caller", cause });
  }
  addTrailers(sent, trailers?.() ?? []);
  sent.end();
  progress.bodySent();
}

function addTrailers(sent: ClientRequest, list: string[]): void {
  const kept = trailerFields(list);
  const pairs = Array.from({ length: kept.length / 2 }, (_, i): [string, string] => [
    kept[2 * i] ?? "",
    kept[2 * i + 1] ?? "",
  ]);
  if (pairs.length > 0) sent.addTrailers(pairs);
}
