import type { Answer } from "@neson/kit/http/answer";
import { header } from "@neson/kit/http/answer";
import { MEDIA_TYPE, writeMetalink } from "@neson/protocol/metalink";
import type { CatalogEntry } from "../catalog/entry.ts";
import type { Exchange } from "./exchange.ts";
import { FOR_ANY_PAGE, type Prepared } from "./prepared.ts";
import { urlsFor } from "./steered.ts";

/** Beyond this, the piece list would make a document that clients refuse or choke on. */
const MAX_PIECES_BYTES = 32 * 65_536;

/**
 * Whether the client would rather have a Metalink than the thing itself (RFC 9110 12.5.1). Download tools name it beside `*`/`*` with every
 * request and still want the file under its own name, so it must be preferred, not just accepted.
 */
function prefersMetalink(accept: string | undefined, contentType: string | undefined): boolean {
  if (accept === undefined || !accept.includes(MEDIA_TYPE)) return false;
  const type = (contentType ?? "application/octet-stream").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const family = `${type.split("/", 1)[0]}/*`;
  const weights = new Map<string, number>();
  for (const member of accept.toLowerCase().split(",")) {
    const [name = "", ...parameters] = member.split(";").map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    weights.set(name, weight === undefined ? 1 : Number(weight) || 0);
  }
  const own = weights.get(type) ?? weights.get(family) ?? weights.get("*/*") ?? 0;
  return (weights.get(MEDIA_TYPE) ?? 0) > own;
}

/** Whether this request is to be answered with a Metalink of the entry. */
export function isForMetalink({ request, isRouterOnly }: Exchange, entry: CatalogEntry, prepared: Prepared): boolean {
  const { accept, authorization } = request.headers;
  if (accept === undefined || !accept.includes(MEDIA_TYPE)) return false;
  if (entry.status !== 200 || prepared.delivery === "router" || authorization !== undefined) return false;
  if (isRouterOnly === true) return false;
  return prefersMetalink(accept, header(entry.headers, "content-type"));
}

/** A Metalink (RFC 5854) of the entry: where Terminals have it, with the hash of every piece. */
export async function metalink(x: Exchange, entry: CatalogEntry, cacheStatus: string): Promise<Answer | undefined> {
  const { size, sha256, pieceSize, objectId } = entry.object;
  const pieces = await x.parts.catalog.pieces(objectId);
  if (pieces === undefined) return undefined;
  const isListed = pieces.length <= MAX_PIECES_BYTES;
  const home = `${x.parts.edgeScheme}://${x.request.host}${x.returnTarget ?? x.request.target}`;
  const urls = [...(urlsFor(x, entry, undefined) ?? []), home];
  const document = writeMetalink({
    name: nameOf(x.request.target),
    ...{ size, sha256, pieceSize },
    pieces: isListed ? pieces : new Uint8Array(0),
    urls: urls.map((url, i) => ({ url, priority: i + 1 })),
  });
  const body = Buffer.from(document);
  return {
    status: 200,
    headers: [
      ...["Content-Type", MEDIA_TYPE, "Content-Length", String(body.length), "Cache-Control", "no-store"],
      ...["Vary", "Accept", "Cache-Status", cacheStatus, ...FOR_ANY_PAGE],
    ],
    body,
    sent: x.parts.countSent,
  };
}

/** The last segment of the path, decoded where it can be. */
function nameOf(target: string): string {
  const path = target.split("?", 1)[0] ?? target;
  const segment = path.slice(path.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
