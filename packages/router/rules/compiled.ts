import { compilePattern } from "../policy/pattern.ts";
import type { HeaderEdit } from "../sites/header-settings.ts";
import type { CorsRule } from "../sites/rewrite-settings.ts";
import type { Site } from "../sites/site.ts";
import { AddressSet } from "./address-set.ts";
import type { Rate } from "./rate-limiter.ts";
import type { ReferrerRule } from "./referrers.ts";

/** A rule for the paths that it matches. */
export type ForPaths<Rule> = Rule & { matches: (path: string) => boolean };

/** Lets through what is in the set, or what is not. */
export interface ListRule<Item> {
  isAllowed: (item: Item) => boolean;
}

/** A site's rules, made ready once per site object: sites are replaced when they change, never altered. */
export interface CompiledRules {
  /** Whether requests need a look, and answers a change. */
  screens: boolean;
  dresses: boolean;
  methods: ReadonlySet<string> | undefined;
  /** Networks from which the site can be used while it is being worked on. */
  maintainers: AddressSet;
  addresses: ForPaths<ListRule<string>>[];
  countries: ForPaths<ListRule<string>>[];
  referrers: ForPaths<ReferrerRule>[];
  rateLimits: ForPaths<{ rate: Rate; key: string }>[];
  signedPaths: ForPaths<object>[];
  requestEdits: ForPaths<{ edit: HeaderEdit }>[];
  responseEdits: ForPaths<{ edit: HeaderEdit }>[];
  cors: ForPaths<CorsRule>[];
}

const compiled = new WeakMap<Site, CompiledRules>();

/** See `CompiledRules`. */
export function compiledRulesOf(site: Site): CompiledRules {
  let rules = compiled.get(site);
  if (rules === undefined) {
    rules = compile(site);
    compiled.set(site, rules);
  }
  return rules;
}

function compile(site: Site): CompiledRules {
  const { access, rewrite } = site;
  const { methods, addresses, countries, referrers, rateLimits, signing, maintenance } = access;
  const { requestHeaders, responseHeaders, cors, redirects, canonicalHost } = rewrite;
  const lists = [addresses, countries, referrers, rateLimits, requestHeaders, cors, redirects];
  const isGuarded = [methods, access.maxBodyBytes, signing, maintenance, canonicalHost].some(
    (set) => set !== undefined,
  );
  return {
    screens: isGuarded || rewrite.upgradeToHttps || lists.some((list) => list.length > 0),
    dresses: cors.length > 0 || responseHeaders.length > 0,
    methods: methods === undefined ? undefined : new Set(methods.includes("GET") ? [...methods, "HEAD"] : methods),
    maintainers: new AddressSet(maintenance?.exceptAddresses ?? []),
    addresses: addresses.map((rule) => ({ ...forPath(rule.path), ...addressRule(rule) })),
    countries: countries.map((rule) => ({ ...forPath(rule.path), ...countryRule(rule) })),
    referrers: referrers.map((rule) => ({ ...rule, ...forPath(rule.path) })),
    rateLimits: rateLimits.map(({ path, requests, perSeconds, burst = requests }) => ({
      ...forPath(path),
      rate: { intervalMs: (perSeconds * 1000) / requests, burst },
      // Names the limit, so that a saved site which did not change it keeps its buckets.
      key: JSON.stringify([site.name, path, requests, perSeconds, burst]),
    })),
    signedPaths: (signing?.paths ?? []).map(forPath),
    requestEdits: requestHeaders.map((edit) => ({ ...forPath(edit.path), edit })),
    responseEdits: responseHeaders.map((edit) => ({ ...forPath(edit.path), edit })),
    cors: cors.map((rule) => ({ ...rule, ...forPath(rule.path) })),
  };
}

function forPath(pattern: string) {
  return { matches: compilePattern(pattern) };
}

function addressRule({ allow, deny }: { allow?: string[] | undefined; deny?: string[] | undefined }): ListRule<string> {
  const set = new AddressSet(allow ?? deny ?? []);
  return { isAllowed: (address) => set.has(address) === (allow !== undefined) };
}

function countryRule({ allow, deny }: { allow?: string[] | undefined; deny?: string[] | undefined }): ListRule<string> {
  const set = new Set(allow ?? deny);
  return { isAllowed: (country) => set.has(country) === (allow !== undefined) };
}
