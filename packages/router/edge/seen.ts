import type { EdgeRequest } from "@neson/kit/http/answer";
import { cacheKeyOf } from "../policy/cache-key.ts";
import { dropsField } from "../policy/fields.ts";
import { ViewedRequest } from "../rules/viewed-request.ts";
import type { Site } from "../sites/site.ts";

/**
 * The request without the fields that Connection lists (RFC 9110 7.6.1). They do not reach the origin, so nothing here may go by them either: who lists
 * Accept-Language would otherwise have the origin's default page stored under the language of their choice.
 */
export function withoutListed(request: EdgeRequest): EdgeRequest {
  const { connection } = request.headers;
  if (connection === undefined || connection === "keep-alive" || connection === "close") return request;
  const without = new Set(
    connection
      .split(",")
      .map((name) => name.trim().toLowerCase())
      .filter((name) => dropsField(name) && request.headers[name] !== undefined),
  );
  return without.size === 0 ? request : new ViewedRequest(request, { without });
}

/** The request for what is stored and asked for in its place, see `cacheKeyOf`. */
export function keyed(request: EdgeRequest, site: Site): EdgeRequest {
  const key = cacheKeyOf(site, request.target);
  return key === request.target ? request : new ViewedRequest(request, { target: key });
}
