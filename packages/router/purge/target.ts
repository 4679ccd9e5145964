import { NesonError } from "@neson/kit/error";
import { cacheKeyOf } from "../policy/cache-key.ts";
import { splitSignature } from "../rules/url-signature.ts";
import type { Site } from "../sites/site.ts";
import { isTag, type PurgeOrder, pathOf } from "./order.ts";

/** Longer targets never get past a Router. */
const MAX_TARGET_CHARS = 16_384;

/** What a site's owner wants gone; exactly one of the first four. */
export interface PurgeWish {
  /** An absolute URL at one of the site's host names, or what follows the host: "/img/a.png?v=2". */
  url?: string | undefined;
  /** The beginning of one, written the same way. */
  prefix?: string | undefined;
  tag?: string | undefined;
  isAll?: boolean | undefined;
  /** With `url`: whatever its query. */
  isAnyQuery?: boolean | undefined;
  isSoft?: boolean | undefined;
}

/**
 * The order that carries out a wish. Paths are compared as they were asked for, never normalised: only the origin knows which of two spellings are
 * one. Of a URL's query counts what counts in the site's cache keys.
 * @throws NesonError `bad-target` (caller)
 */
export function purgeOrderOf(site: Site, wish: PurgeWish): PurgeOrder {
  const { url, prefix, tag, isAll } = wish;
  const given = [url, prefix, tag, isAll === true ? "" : undefined].filter((value) => value !== undefined);
  if (given.length !== 1)
    throw refused("what to purge", `${given.length} of them`, "exactly one of url, prefix, tag, all");
  const common = { site: site.name, mode: wish.isSoft === true ? "soft" : "hard" } as const;
  if (url !== undefined) {
    const target = targetIn(site, url, "url");
    if (wish.isAnyQuery === true) return { ...common, by: "path", value: pathOf(target) };
    return { ...common, by: "url", value: keyOf(site, target) };
  }
  if (prefix !== undefined) return { ...common, by: "prefix", value: targetIn(site, prefix, "prefix") };
  if (tag === undefined) return { ...common, by: "site", value: "" };
  if (!isTag(tag)) throw refused("tag", tag, "1 to 256 printable ASCII characters without space and comma");
  return { ...common, by: "tag", value: tag };
}

/**
 * The request target that a client would send for a URL, or for what follows its host.
 * @param field named in refusals
 * @throws NesonError `bad-target` (caller)
 */
export function targetIn(site: Pick<Site, "hosts">, text: string, field: string): string {
  // Not by a URL parser: that would resolve dots and rewrite escapes, and what is stored is what clients sent.
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(text);
  const rest = absolute === null ? text : (absolute[2] ?? "");
  if (absolute !== null) refuseStranger(site, absolute[1] ?? "", field);
  const shown = rest.split("#", 1)[0] ?? "";
  const target = encoded(shown === "" || shown.startsWith("?") ? `/${shown}` : shown);
  if (!target.startsWith("/") || (absolute === null && text === "")) {
    throw refused(field, text, "an http(s) URL of the site, or what follows the host, from its first slash on");
  }
  if (target.length > MAX_TARGET_CHARS) throw refused(field, text, `at most ${MAX_TARGET_CHARS} characters`);
  return target;
}

function refuseStranger({ hosts }: Pick<Site, "hosts">, authority: string, field: string): void {
  const host = authority.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
  if (!hosts.includes(host))
    throw refused(field, authority, `a URL at one of the site's host names: ${hosts.join(", ")}`);
}

/** The key under which an answer to that target is stored: without the signature that only lets its viewer in. */
function keyOf(site: Site, target: string): string {
  const split = site.access.signing === undefined ? undefined : splitSignature(target);
  if (split === "several") throw refused("url", target, "a URL with one signature at most");
  return cacheKeyOf(site, split?.target ?? target);
}

/** What clients put in place of characters that no request line may hold (WHATWG URL, 4.5); what is escaped already stays as it is. */
function encoded(target: string): string {
  return target.replace(/[^\x21-\x7e]+/gu, (characters) => encodeURIComponent(characters.toWellFormed()));
}

function refused(field: string, found: string, allowed: string): NesonError {
  const shown = JSON.stringify(found.slice(0, 200));
  return new NesonError("bad-target", `${field}: found ${shown}, allowed: ${allowed}`, { fault: "caller" });
}
