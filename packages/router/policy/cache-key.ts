import type { QuerySettings } from "../sites/cache-settings.ts";
import { matchesPattern } from "./pattern.ts";

/** What of a site its cache keys depend on. */
export interface KeyedSite {
  readonly cache: { readonly query: QuerySettings };
}

/**
 * The key under which a site's answers to a target are stored (RFC 9111 2): the raw target, unless the site says that not all of the query counts. It is
 * a target itself, with the same key, and what the origin is asked for: what is not in the key cannot influence what is stored under it. Paths are
 * never normalised, since only the origin knows which of two spellings are one.
 * @param target raw, in origin-form
 */
export function cacheKeyOf(site: KeyedSite, target: string): string {
  const { query } = site.cache;
  if (query.use === "all" && !query.sorted) return target;
  const mark = target.indexOf("?");
  if (mark < 0) return target;
  const path = target.slice(0, mark);
  const parameters = keptParameters(query, target.slice(mark + 1).split("&"));
  if (query.sorted) parameters.sort(byName);
  return parameters.length === 0 ? path : `${path}?${parameters.join("&")}`;
}

function keptParameters({ use, names }: QuerySettings, parameters: string[]): string[] {
  switch (use) {
    case "all":
      return parameters;
    case "none":
      return [];
    case "listed":
      return parameters.filter((parameter) => isNamed(names, parameter));
    case "unlisted":
      return parameters.filter((parameter) => !isNamed(names, parameter));
    default:
      return use satisfies never;
  }
}

function isNamed(names: readonly string[], parameter: string): boolean {
  const name = nameOf(parameter);
  return names.some((pattern) => matchesPattern(pattern, name));
}

/** Spelled as it came: percent-encoding is the origin's to read, and what is not recognised by its name is treated like any other. */
function nameOf(parameter: string): string {
  const equals = parameter.indexOf("=");
  return equals < 0 ? parameter : parameter.slice(0, equals);
}

/** Stable, and by code units: no locale may move keys. */
function byName(a: string, b: string): number {
  const [left, right] = [nameOf(a), nameOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
