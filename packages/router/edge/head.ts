import type { Answer } from "@neson/kit/http/answer";
import type { CatalogEntry } from "../catalog/entry.ts";
import type { OriginResponse } from "../origin/origin-client.ts";
import { originRequestHeaders } from "../origin/request-headers.ts";
import { withoutCookies } from "../origin/response-headers.ts";
import { cacheStatus } from "../policy/cache-status.ts";
import { ageMs } from "../policy/freshness.ts";
import { lifetimeOf } from "../policy/options.ts";
import { freshenedByHead } from "../policy/update.ts";
import type { Exchange } from "./exchange.ts";
import { originFailure } from "./failure.ts";
import { answerStored } from "./hit.ts";
import { passedOn, refuseLoop } from "./pass.ts";

/** A HEAD for what is stored, stale and without a validator: the origin's answer goes to the client and, where it fits, renews what is stored. */
export async function headStale(x: Exchange, entry: CatalogEntry): Promise<Answer> {
  const loop = refuseLoop(x);
  if (loop !== undefined) return loop;
  const { site, parts } = x;
  parts.stats.passes += 1;
  let asked: Asked;
  try {
    asked = await parts.flights.during(site.name, ask(x, entry));
  } catch (error) {
    return originFailure(x, error);
  }
  const { response, renewed } = asked;
  x.trace.origin(response);
  x.trace.outcome = renewed === undefined ? "pass" : "revalidated";
  if (renewed === undefined) return passedOn(x, response, cacheStatus({ hit: false, fwd: "stale" }));
  response.discard();
  const ageSeconds = Math.floor(ageMs(renewed.facts, parts.clock.nowMs()) / 1000);
  const ttl = lifetimeOf(renewed.facts, site.cache) - ageSeconds;
  return answerStored(x, renewed, cacheStatus({ hit: false, fwd: "stale", fwdStatus: 200, ttl }), ageSeconds);
}

interface Asked {
  response: OriginResponse;
  renewed: CatalogEntry | undefined;
}

async function ask(x: Exchange, entry: CatalogEntry): Promise<Asked> {
  const { request, site, parts } = x;
  const options = {
    kind: "pull",
    siteHost: site.hosts[0],
    edgeScheme: parts.edgeScheme,
  } as const;
  const headers = originRequestHeaders(request, options);
  const order = { site, method: "HEAD", target: request.target, headers, signal: request.signal };
  const response = await parts.origin.send(order);
  return { response, renewed: await renewedBy(x, entry, response) };
}

async function renewedBy({ parts }: Exchange, entry: CatalogEntry, response: OriginResponse) {
  if (response.status !== 200 || entry.status !== 200) return undefined;
  const { requestTimeMs, responseTimeMs, contentLength } = response;
  const headers = withoutCookies(response.headers);
  const lengths = { stored: entry.object.size, declared: contentLength };
  const changed = freshenedByHead(entry, { headers, requestTimeMs, responseTimeMs }, lengths);
  if (changed === undefined || parts.catalog.marks.isOutdated(changed)) return undefined;
  return await parts.catalog.update(entry, changed);
}
