import type { Clock } from "@neson/kit/clock";
import { retryAfter } from "@neson/kit/http/failure";
import { parseRange } from "@neson/kit/http/range";
import { openFillTicket } from "@neson/protocol/fill-ticket";
import { isUnavailable } from "../db/database-trouble.ts";

/** Where a fill's bytes and pieces come from. */
export interface FillDeps {
  shield: { open(objectId: string): { path: string; size: number } | undefined };
  catalog: { pieces(objectId: string): Promise<Uint8Array | undefined> };
  clock: Clock;
}

/**
 * Answers a Terminal's fill: `/v1/fill/<fill ticket>` with the object's bytes (one Range allowed, for resuming), and the
 * same path followed by `/pieces` with its piece list.
 */
export async function answerFill(
  request: Request,
  path: string,
  fillKey: Uint8Array,
  deps: FillDeps,
): Promise<Response> {
  const match = /^\/v1\/fill\/([A-Za-z0-9_-]{1,200})(\/pieces)?$/.exec(path);
  if (match === null) return plain(404, "no such fill; expected /v1/fill/<fill ticket>");
  const verdict = openFillTicket(match[1] ?? "", fillKey, Math.floor(deps.clock.nowMs() / 1000));
  if (!verdict.ok) return plain(403, `fill ticket refused: ${verdict.reason}`);
  const { objectId } = verdict.ticket;
  if (match[2] !== undefined) {
    let pieces: Uint8Array | undefined;
    try {
      pieces = await deps.catalog.pieces(objectId);
    } catch (error) {
      if (isUnavailable(error)) return plain(503, "pieces cannot be looked up now; ask again later", retryAfter(error));
      throw error;
    }
    return pieces === undefined ? plain(404, `no object ${objectId} here`) : new Response(Uint8Array.from(pieces));
  }
  const file = deps.shield.open(objectId);
  if (file === undefined) return plain(404, `the bytes of ${objectId} are not held here any more`);
  return answerBytes(request, file);
}

function answerBytes(request: Request, file: { path: string; size: number }): Response {
  const range = parseRange(request.headers.get("range") ?? undefined, file.size);
  const headers = { "Content-Type": "application/octet-stream", "Content-Disposition": "", "Accept-Ranges": "bytes" };
  if (range.kind === "unsatisfiable") {
    return new Response(null, { status: 416, headers: { "Content-Range": `bytes */${file.size}` } });
  }
  if (range.kind !== "one") return new Response(Bun.file(file.path), { headers });
  return new Response(Bun.file(file.path).slice(range.first, range.last + 1), {
    status: 206,
    headers: { ...headers, "Content-Range": `bytes ${range.first}-${range.last}/${file.size}` },
  });
}

function plain(status: number, line: string, [name, value]: string[] = []): Response {
  const headers = new Headers({ "Content-Type": "text/plain; charset=utf-8" });
  if (name !== undefined && value !== undefined) headers.set(name, value);
  return new Response(`${line}\n`, { status, headers });
}
