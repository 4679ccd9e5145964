/** What a purge is aimed at, and whether something is its target. Pure. */
import { fieldLines } from "../policy/fields.ts";

/** How a purge names its targets: one URL, a path with every query, all that begins alike, all that carries a tag, or everything of the site. */
export type PurgeBy = "url" | "path" | "prefix" | "tag" | "site";

/** What is to be purged of one site. */
export interface PurgeOrder {
  site: string;
  by: PurgeBy;
  /** A cache key for `url`, one without its query for `path`, the beginning of one for `prefix`, a tag for `tag`; "" for `site`. */
  value: string;
  /** `hard`: it is gone. `soft`: it is stale, and may be served again once the origin was asked. */
  mode: "hard" | "soft";
}

/** What a purge judges something by. `headers` are the response's, flat; undefined while they have not come yet. */
export interface Purgeable {
  site: string;
  key: string;
  headers: readonly string[] | undefined;
}

/** Fields in which origins name tags, in lower case. They are between a site's owner and this Router: no viewer and no Terminal gets them. */
export const TAG_FIELDS = ["cache-tag", "surrogate-key"] as const;

/** More tags of one response are not looked at. */
const MAX_TAGS = 64;
/** Longer tags are not tags. */
const MAX_TAG_CHARS = 256;

/**
 * The tags that a response carries: `Cache-Tag` with commas between them, `Surrogate-Key` with spaces. Compared as they are; at most 64,
 * each of at most 256 printable ASCII characters.
 */
export function tagsOf(headers: readonly string[]): string[] {
  const listed = fieldLines(headers, "cache-tag").flatMap((line) => line.split(","));
  const spaced = fieldLines(headers, "surrogate-key").flatMap((line) => line.split(/[ \t]+/));
  const tags = new Set<string>();
  for (const candidate of [...listed, ...spaced]) {
    const tag = candidate.trim();
    if (isTag(tag)) tags.add(tag);
    if (tags.size >= MAX_TAGS) break;
  }
  return [...tags];
}

/** A response's flat fields without those that name tags. */
export function withoutTags(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? "").toLowerCase();
    if (!TAG_FIELDS.some((field) => field === name)) kept.push(headers[i] ?? "", headers[i + 1] ?? "");
  }
  return kept;
}

/** Whether text can be a tag. */
export function isTag(text: string): boolean {
  return text.length <= MAX_TAG_CHARS && /^[\x21-\x2b\x2d-\x7e]+$/.test(text);
}

/** Whether an order is aimed at something. A tag is not found where no response has come yet. */
export function isAimedAt(order: PurgeOrder, thing: Purgeable): boolean {
  if (order.site !== thing.site) return false;
  switch (order.by) {
    case "url":
      return thing.key === order.value;
    case "path":
      return pathOf(thing.key) === order.value;
    case "prefix":
      return thing.key.startsWith(order.value);
    case "tag":
      return thing.headers !== undefined && tagsOf(thing.headers).includes(order.value);
    case "site":
      return true;
    default:
      return order.by satisfies never;
  }
}

/** A cache key without its query. */
export function pathOf(key: string): string {
  const mark = key.indexOf("?");
  return mark < 0 ? key : key.slice(0, mark);
}
