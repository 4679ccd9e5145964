import { removeHeader } from "@neson/kit/http/answer";
import { selectingHeaders } from "../catalog/selecting.ts";
import type { OriginResponse } from "../origin/origin-client.ts";
import { withoutCookies } from "../origin/response-headers.ts";
import { soleField } from "../policy/fields.ts";
import { storable } from "../policy/storable.ts";
import { freshened } from "../policy/update.ts";
import { type RequestHeaders, varyOf } from "../policy/vary.ts";
import type { Site } from "../sites/site.ts";
import { contentRangeOf } from "./content-range.ts";
import type { SlicedDraft } from "./slice-store.ts";
import type { Sliced } from "./sliced.ts";
import { strongValidatorOf } from "./versions.ts";

/** A 206 that may be stored and shared. */
export interface AcceptedPart {
  /** What a new representation would be made of, but for its site and key. */
  head: Omit<SlicedDraft, "site" | "key">;
  first: number;
  /** Last byte that comes, by the length of the content. */
  last: number;
  /** True when Content-Range and the length of the content contradict each other. */
  isOdd: boolean;
}

/**
 * What a 206 to a request for one range brings, if all of it may be stored for others (RFC 9111 3.3: by the rules for the whole).
 *
 * A part that reaches to the end and is shorter than its Content-Range says comes from an origin that counts wrong. Clients go by the first byte, and so
 * do we: the whole is taken to end where the part ends, and nothing is ever combined with it.
 */
export function acceptPart(
  response: OriginResponse,
  { key, headers: requestHeaders }: { key: string; headers: RequestHeaders },
  site: Site,
): AcceptedPart | undefined {
  const range = contentRangeOf(response.headers);
  if (range === undefined) return undefined;
  const { first, last, size } = range;
  const length = response.contentLength ?? last - first + 1;
  const isOdd = length !== last - first + 1;
  if (isOdd && (last !== size - 1 || length === 0 || length > last - first)) return undefined;
  const headers = removeHeader(withoutCookies(response.headers), "content-range");
  const { requestTimeMs, responseTimeMs } = response;
  const verdict = storable(
    { method: "GET", target: key, headers: requestHeaders },
    { ...response, status: 200 },
    site.cache,
  );
  const variant = varyOf(headers, selectingHeaders(requestHeaders), site.cache.varyBy);
  if (!verdict.store || !verdict.mayShareWithWaiters || variant === "star") return undefined;
  const validator = isOdd ? undefined : strongValidatorOf(headers);
  const head = { ...variant, size: isOdd ? first + length : size, validator, headers, requestTimeMs, responseTimeMs };
  return { head, first, last: first + length - 1, isOdd };
}

/**
 * Whether a part belongs to this version (RFC 9111 3.4: the same strong validator), in which case the representation takes over its header fields.
 * @param size of the whole, as the part says
 */
export function belongsTo(sliced: Sliced, size: number, response: OriginResponse): boolean {
  const { validator } = sliced;
  if (validator === undefined || size !== sliced.size) return false;
  const { requestTimeMs, responseTimeMs } = response;
  const field = validator.startsWith('"') ? "etag" : "last-modified";
  if (soleField(response.headers, field) !== validator) return false;
  const headers = removeHeader(withoutCookies(response.headers), "content-range");
  const updated = freshened(sliced, { headers, requestTimeMs, responseTimeMs });
  if (updated === undefined) return false;
  takeOver(sliced, updated);
  return true;
}

/** Header fields, times and what follows from them, of a newer answer about the same version. */
export function takeOver(sliced: Sliced, { headers, requestTimeMs, responseTimeMs, facts }: Sliced): void {
  Object.assign(sliced, { headers, requestTimeMs, responseTimeMs, facts });
}
