/** Pages from which requests may come, for one set of paths. */
export interface ReferrerRule {
  allow: readonly string[];
  allowEmpty: boolean;
}

const MAX_REFERRER_CHARS = 8192;

/**
 * Whether a Referer (RFC 9110 10.1.3) is of an allowed page: one of the site's own hosts, or of the rule's. It keeps other websites from embedding, as
 * browsers send what is true; a program can write what it likes, which only signed URLs stop.
 */
export function allowsReferrer(rule: ReferrerRule, referrer: string | undefined, ownHosts: readonly string[]): boolean {
  if (referrer === undefined || referrer === "") return rule.allowEmpty;
  const url = referrer.length > MAX_REFERRER_CHARS ? null : URL.parse(referrer);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  const { hostname } = url;
  return ownHosts.includes(hostname) || rule.allow.some((allowed) => isHost(allowed, hostname));
}

/** "*.example.com" stands for all below example.com, not for itself. */
function isHost(allowed: string, hostname: string): boolean {
  if (!allowed.startsWith("*.")) return allowed === hostname;
  return hostname.endsWith(allowed.slice(1)) && hostname.length > allowed.length - 1;
}
