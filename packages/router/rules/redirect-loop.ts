import type { RedirectRule } from "../sites/rewrite-settings.ts";
import { redirectionFor } from "./redirects.ts";

/** Browsers give up after about twenty. */
const MAX_STEPS = 20;
/** What a `*` is taken to stand for while a rule is tried out. */
const SAMPLES = ["x", "x/y", ""];

/**
 * A path from which a site's redirects lead on and on, with the round it makes; undefined when trying out every rule finds none. Only what is found is
 * certain: a round through another website, or one for some captures alone, is not.
 */
export function findRedirectLoop(
  rules: readonly RedirectRule[],
  hosts: readonly string[],
): { path: string; round: string[] } | undefined {
  for (const rule of rules) {
    for (const sample of SAMPLES) {
      const path = rule.path.replace(/^\*/, `/${sample}`).replaceAll("*", sample);
      const round = follow(path, rules, hosts);
      if (round !== undefined) return { path, round };
    }
  }
  return undefined;
}

function follow(path: string, rules: readonly RedirectRule[], hosts: readonly string[]): string[] | undefined {
  const seen: string[] = [];
  let target: string | undefined = path;
  while (target !== undefined) {
    if (seen.includes(target) || seen.length > MAX_STEPS) return seen.slice(0, 4);
    seen.push(target);
    const location: string | undefined = redirectionFor(rules, target)?.location;
    target = location === undefined ? undefined : targetHere(location, hosts);
  }
  return undefined;
}

/** The target of a location on one of the site's hosts. */
function targetHere(location: string, hosts: readonly string[]): string | undefined {
  if (location.startsWith("/")) return location;
  const url = URL.parse(location);
  return url !== null && hosts.includes(url.hostname) ? url.pathname + url.search : undefined;
}
