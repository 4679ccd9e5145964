const VERSION = /^\d{1,6}\.\d{1,6}\.\d{1,6}(?:-[0-9A-Za-z.-]{1,40})?$/;

/**
 * Whether `candidate` comes after `current` (Semantic Versioning 2.0.0, section 11). False when either is no version: whoever calls itself
 * something else runs a build of its own, which no announced release can be compared with.
 */
export function isNewer(candidate: string, current: string): boolean {
  return VERSION.test(candidate) && VERSION.test(current) && Bun.semver.order(candidate, current) > 0;
}
