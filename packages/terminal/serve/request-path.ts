const PREFIX = "/v1/";

/** A client's path, taken apart: `/v1/<ticket>/<site host>/<raw target without its first slash>`. */
export interface RequestPath {
  ticket: string;
  /** As it stands there; the ticket's tag covers it. */
  siteHost: string;
  /** Raw, with its first slash and query. */
  target: string;
}

/** Takes a raw request target apart without decoding anything; undefined when it has another form. */
export function parseRequestPath(target: string): RequestPath | undefined {
  if (!target.startsWith(PREFIX)) return undefined;
  const ticketEnd = target.indexOf("/", PREFIX.length);
  if (ticketEnd < 0) return undefined;
  const hostEnd = target.indexOf("/", ticketEnd + 1);
  const siteHost = hostEnd < 0 ? target.slice(ticketEnd + 1) : target.slice(ticketEnd + 1, hostEnd);
  if (siteHost === "") return undefined;
  return {
    ticket: target.slice(PREFIX.length, ticketEnd),
    siteHost,
    target: hostEnd < 0 ? "/" : target.slice(hostEnd),
  };
}

const PING_PREFIX = "/v1/ping/";

/** What follows `/v1/ping/`, or undefined for any other target. */
export function pingNonceOf(target: string): string | undefined {
  return target.startsWith(PING_PREFIX) ? target.slice(PING_PREFIX.length) : undefined;
}
