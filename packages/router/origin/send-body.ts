import type { EventEmitter } from "node:events";
import type { ClientRequest } from "node:http";
import { NesonError } from "@neson/kit/error";
import type { OriginRequest } from "./origin-client.ts";
import type { Phases } from "./phases.ts";

/** An origin that does not say to go on is sent the content all the same: many do not know Expect (RFC 9110 10.1.1). */
const GO_ON_MS = 1000;

/** Content on its way to an origin: what of an origin's request is about it. */
export type SentBody = Required<Pick<OriginRequest, "body">> & Pick<OriginRequest, "isAwaited" | "trailers">;

/**
 * Sends a request's body as fast as the origin takes it, and as the client sends it.
 * @throws NesonError (caller) when it does not come whole
 */
export async function sendBody(
  sent: ClientRequest,
  { body, isAwaited, trailers }: SentBody,
  progress: Pick<Phases, "connected" | "bodyAwaited" | "bodyMoved" | "bodySent">,
): Promise<void> {
  const closed = new Promise<"closed">((resolve) => sent.once("close", () => resolve("closed")));
  const wanted = isAwaited === true ? goOn(sent, closed) : undefined;
  // Not read before there is a connection: until then it may be sent elsewhere.
  sent.flushHeaders();
  if ((await Promise.race([progress.connected, closed])) === "closed") return;
  if (wanted !== undefined && !(await wanted)) return;
  try {
    // The origin's time runs only while it is to take something: a slow client is no fault of the origin.
    progress.bodyAwaited();
    for await (const chunk of body) {
      if (sent.destroyed) return;
      if (sent.write(chunk)) continue;
      progress.bodyMoved();
      const drained = new Promise<"drained">((resolve) => sent.once("drain", () => resolve("drained")));
      if ((await Promise.race([drained, closed])) === "closed") return;
      progress.bodyAwaited();
    }
  } catch (cause) {
    // The client left in the middle: the origin must not take the part for the whole.
    sent.destroy();
    throw cutShort(cause);
  }
  const fields = trailers?.() ?? [];
  if (fields.length > 0) sent.addTrailers(pairs(fields));
  sent.end();
  progress.bodySent();
}

/** What became of content that its client did not send whole. */
export function cutShort(cause: unknown): NesonError {
  if (cause instanceof NesonError && cause.fault === "caller") return cause;
  return new NesonError("request-cut-short", "the client's request body ended early", { fault: "caller", cause });
}

/** Whether the origin, which was asked first, is to be sent the content: false when it has answered without. */
export function goOn(sent: Pick<EventEmitter, "once">, closed: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  sent.once("continue", () => resolve(true));
  sent.once("response", () => resolve(false));
  closed.then(() => resolve(false));
  const timer = setTimeout(() => resolve(true), GO_ON_MS);
  return promise.finally(() => clearTimeout(timer));
}

function pairs(flat: readonly string[]): [string, string][] {
  const fields: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) fields.push([flat[i] ?? "", flat[i + 1] ?? ""]);
  return fields;
}
