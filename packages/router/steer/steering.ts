import type { CatalogEntry } from "../catalog/entry.ts";
import type { Site } from "../sites/site.ts";

/** One viewer's request for a stored object that its site lets Terminals deliver. */
export interface SteerQuery {
  entry: CatalogEntry;
  site: Site;
  /** The Host field as the client sent it, port included: where a Terminal sends the client back to. */
  siteHost: string;
  /** First and last byte asked for (inclusive); absent for the whole object. */
  range?: { first: number; last: number };
  clientAddress: string;
  /** The raw request target, copied byte for byte behind the ticket. */
  target: string;
}

/** Absolute URLs at distinct Terminals: the one to go to first, then the mirrors in order of preference. */
export interface SteerAnswer {
  urls: string[];
  /** The Terminal of the first URL. */
  terminalId: string;
}

/** How the edge asks for Terminals, and tells of objects that Terminals should come to hold. */
export interface Steering {
  /** Undefined when no Terminal should be used now: the Router then answers itself. */
  steer(query: SteerQuery): SteerAnswer | undefined;
  /** Called once after an entry's commit: places replicas on Terminals with room. */
  stored(entry: CatalogEntry, site: Site): void;
}
