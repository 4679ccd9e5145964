import { parseHttpDate } from "@neson/kit/http/date";
import { soleField } from "../policy/fields.ts";

/**
 * The field value that tells this version of a representation from every other (RFC 9110 8.8.1), for If-Range: a strong entity tag, else a
 * Last-Modified at least a second older than the answer (8.8.2.2). Undefined when there is none: then nothing may be combined with it (RFC 9111 3.4).
 * @param headers flat
 */
export function strongValidatorOf(headers: readonly string[]): string | undefined {
  const etag = soleField(headers, "etag");
  if (etag !== undefined && /^"[^"]{0,1024}"$/.test(etag)) return etag;
  const lastModified = soleField(headers, "last-modified");
  const date = soleField(headers, "date");
  if (lastModified === undefined || date === undefined) return undefined;
  const [modifiedMs, dateMs] = [parseHttpDate(lastModified), parseHttpDate(date)];
  return modifiedMs !== undefined && dateMs !== undefined && dateMs - modifiedMs >= 1000 ? lastModified : undefined;
}
