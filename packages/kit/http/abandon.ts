import type { Answer } from "./answer.ts";

/** Ends an answer of which nothing was sent: its client left first, or it could not be written. */
export function abandon(answer: Answer): void {
  stopBody(answer.body);
  answer.sent?.(0, false);
}

/** Lets a body that nobody will read free what it holds. */
export function stopBody(body: Answer["body"]): void {
  if (body === null || body instanceof Uint8Array) return;
  body[Symbol.asyncIterator]()
    .return?.()
    ?.catch(() => {});
}
