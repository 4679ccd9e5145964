import { cacheKeyOf } from "../policy/cache-key.ts";
import { fieldLines } from "../policy/fields.ts";
import type { Exchange } from "./exchange.ts";

/** More URLs than this are not followed from one answer. */
const MAX_POINTERS = 4;

/** RFC 9111 4.4: forgets what is stored for the target, and for what the answer points to on the same host. */
export async function invalidate(x: Exchange, headers: readonly string[]): Promise<void> {
  const { request, site, parts } = x;
  const keys = new Set([cacheKeyOf(site, request.target)]);
  for (const target of pointers(x, headers)) keys.add(cacheKeyOf(site, target));
  for (const key of keys) {
    parts.flights.invalidate(site.name, key);
    await parts.catalog.remove(site.name, key);
  }
}

/** Targets on the request's own host that Location and Content-Location name, relative to the request. */
function pointers({ request }: Exchange, headers: readonly string[]): string[] {
  const targets: string[] = [];
  const here = URL.parse(`http://${request.host}${request.target}`);
  const values = [...fieldLines(headers, "location"), ...fieldLines(headers, "content-location")];
  for (const value of values.slice(0, MAX_POINTERS)) {
    const url = here === null ? null : URL.parse(value, here.href);
    // The scheme is the viewer's, which this Router may not see: the host decides.
    if (url === null || url.host !== here?.host) continue;
    // As it came where it is a target already: what is stored has that spelling, not the one that parsing gives.
    targets.push(
      value.startsWith("/") && !value.startsWith("//") ? (value.split("#", 1)[0] ?? value) : url.pathname + url.search,
    );
  }
  return targets;
}
