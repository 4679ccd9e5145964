import { header } from "@neson/kit/http/answer";
import { digestHeader, reprDigestHeader } from "@neson/protocol/http-digest";
import type { CatalogEntry } from "../catalog/entry.ts";
import { varyingHeaders } from "../compress/coded-headers.ts";
import { VIA } from "../origin/request-headers.ts";
import { type Delivery, deliveryFor } from "../policy/delivery.ts";
import { fieldLines } from "../policy/fields.ts";
import { TAG_FIELDS } from "../purge/order.ts";
import type { Site } from "../sites/site.ts";
import { isCodableFor } from "./coded.ts";

/** What answers from one entry have in common, worked out once. */
export interface Prepared {
  /** The site as it was then: its rules decide `delivery`. */
  site: Site;
  delivery: Delivery;
  /** Whether pages of every origin may read what Terminals send: their stored fields say so, or nothing. */
  isForAnyPage: boolean;
  /** Whether viewers may get it in a content coding; `whole` says then that it varies. */
  isCodable: boolean;
  /** Stored fields for an answer of this Router's own, without Age and with Via, and last the framing of the whole representation. */
  whole: string[];
  /** Fields of a 307 that do not change; none for what this Router delivers itself. */
  redirect: string[];
}

const prepared = new WeakMap<CatalogEntry, Prepared>();

/** Lets pages of every origin read an answer that says where Terminals have an object. */
export const FOR_ANY_PAGE: readonly string[] = [
  ...["Access-Control-Allow-Origin", "*"],
  ...["Access-Control-Expose-Headers", "Cache-Status, Digest, Link, Repr-Digest"],
];

/** See `Prepared`. Entries and sites are replaced, never changed, so one look at both suffices. */
export function preparedOf(entry: CatalogEntry, site: Site): Prepared {
  const known = prepared.get(entry);
  if (known !== undefined && known.site === site) return known;
  const path = entry.key.split("?", 1)[0] ?? entry.key;
  const subject = { path, contentType: header(entry.headers, "content-type"), size: entry.object.size };
  const { status, headers, object } = entry;
  const isCodable = isCodableFor(site, { status, headers, size: object.size });
  const own = isCodable ? varyingHeaders(ownHeaders(headers)) : ownHeaders(headers);
  const delivery = deliveryFor(site.rules, subject);
  const made: Prepared = {
    site,
    delivery,
    isForAnyPage: (header(entry.headers, "access-control-allow-origin") ?? "*").trim() === "*",
    isCodable,
    whole: [...own, "Accept-Ranges", "bytes", "Content-Length", String(entry.object.size)],
    redirect: delivery === "router" ? [] : redirectHeaders(entry),
  };
  prepared.set(entry, made);
  return made;
}

/** The fields without the framing of the whole, for answers that are framed otherwise. */
export function unframed({ whole }: Prepared): string[] {
  return whole.slice(0, -4);
}

// Made anew for each answer, or meant for this Router alone: tags are how the site's owner names things to purge.
const NOT_SENT_ON = new Set(["age", "accept-ranges", "cache-status", ...TAG_FIELDS]);

/** Stored fields as this Router sends them on. Age is left out: it is counted anew for each answer (RFC 9111 5.1). */
export function ownHeaders(stored: readonly string[]): string[] {
  const own: string[] = [];
  for (let i = 0; i + 1 < stored.length; i += 2) {
    const name = (stored[i] ?? "").toLowerCase();
    if (!NOT_SENT_ON.has(name)) own.push(stored[i] ?? "", stored[i + 1] ?? "");
  }
  own.push("Via", VIA);
  return own;
}

function redirectHeaders({ headers, object }: CatalogEntry): string[] {
  const vary = fieldLines(headers, "vary").flatMap((value) => ["Vary", value]);
  return [
    ...["Digest", digestHeader(object.sha256), "Repr-Digest", reprDigestHeader(object.sha256)],
    ...["Cache-Control", "no-store", "Content-Length", "0", ...vary],
    ...FOR_ANY_PAGE,
  ];
}
