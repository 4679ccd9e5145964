import { NesonError } from "@neson/kit/error";
import { type Site, siteSchema } from "../sites/site.ts";
import type { SiteRegistry } from "../sites/site-registry.ts";
import type { CallContext } from "./call.ts";
import { type Caller, mayUse } from "./caller.ts";
import { digestOf } from "./etag.ts";
import { badInput, parseInput } from "./problem.ts";
import { type SentSite, sentSiteSchema, withoutSecrets, withStoredSecrets } from "./sent-site.ts";

/** What a change needs to know of the call that asks for it. */
type Asking = Pick<CallContext<unknown, unknown, unknown>, "caller" | "expectVersion" | "note">;

/** A change of one site. */
export interface SiteChange {
  name: string;
  /** What the version of If-Match is of; the whole site when absent. */
  versionOf?: (site: Site) => unknown;
  /** What is wanted, as a person would send it, from what there is, as a person sees it. @throws NesonError (caller) to refuse */
  wanted: (shown: SentSite | undefined) => unknown;
}

/** Changes sites one change at a time, so that the version a caller has seen is still the one it changes. */
export class SiteChanges {
  readonly #sites: Pick<SiteRegistry, "byName" | "put" | "remove">;
  #last: Promise<unknown> = Promise.resolve();

  constructor({ sites }: { sites: Pick<SiteRegistry, "byName" | "put" | "remove"> }) {
    this.#sites = sites;
  }

  /**
   * Puts what is wanted in the place of what there is.
   * @throws NesonError `bad-input`, `host-taken`, `not-allowed`, `version-mismatch` (caller), and what `wanted` throws
   */
  change(
    { name, versionOf = (site) => site, wanted }: SiteChange,
    asking: Asking,
  ): Promise<{ site: Site; isNew: boolean }> {
    return this.#alone(async () => {
      const former = this.#sites.byName(name);
      const input = wanted(former && withoutSecrets(former));
      asking.expectVersion(former && versionOf(former));
      const sent = parseInput(sentSiteSchema, input, "body");
      if (sent.name !== name) {
        throw badInput([{ field: "body.name", found: JSON.stringify(sent.name), allowed: `${name}, as in the path` }]);
      }
      const site = parseInput(siteSchema, withStoredSecrets(sent, former), "body");
      const changed = changedFields(former, site);
      refuseBeyondScopes(asking.caller, former, site, changed);
      const digests = `${former === undefined ? "new" : digestOf(former)} → ${digestOf(site)}`;
      const saved = changed.length === 0 && former !== undefined ? former : await this.#sites.put(site);
      asking.note({ site: name, summary: `${changed.join(", ") || "nothing"} (${digests})` });
      return { site: saved, isNew: former === undefined };
    });
  }

  /** Removes a site. @throws NesonError `no-such-site`, `version-mismatch` (caller) */
  remove(name: string, asking: Asking): Promise<void> {
    return this.#alone(async () => {
      const former = this.#sites.byName(name);
      if (former === undefined) throw noSuchSite(name);
      asking.expectVersion(former);
      await this.#sites.remove(name);
      asking.note({ site: name, summary: `removed (${digestOf(former)} → none)` });
    });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}

/** What calls on a site that is not there are refused with. */
export function noSuchSite(name: string): NesonError {
  return new NesonError("no-such-site", `no site is named ${name}; GET /api/v1/sites lists them`, { fault: "caller" });
}

function changedFields(former: Site | undefined, site: Site): string[] {
  const before: Record<string, unknown> =
    former ?? siteSchema.parse({ name: site.name, hosts: site.hosts, origin: site.origin });
  return Object.entries(site)
    .filter(
      ([name, value]) =>
        (former === undefined && ["hosts", "origin"].includes(name)) || digestOf(before[name]) !== digestOf(value),
    )
    .map(([name]) => name);
}

/** Some settings need more than `sites:write`: what can cost money, and what reaches into the operator's own network. */
function refuseBeyondScopes(caller: Caller, former: Site | undefined, site: Site, changed: readonly string[]): void {
  const refuse = (what: string, scope: string) => {
    throw new NesonError("not-allowed", `${what} needs the scope ${scope} beside sites:write`, { fault: "caller" });
  };
  if (changed.includes("spend") && !mayUse(caller, "spend:write")) refuse("changing `spend`", "spend:write");
  // Whoever may send the Router to any address of the operator's network can look around there.
  const isSentElsewhere = changed.some((name) => /origin/i.test(name)) || former?.spend.webhook !== site.spend.webhook;
  if (site.allowPrivateOrigin && isSentElsewhere && !mayUse(caller, "admin"))
    refuse("an origin or webhook that may be at a private address", "admin");
}
