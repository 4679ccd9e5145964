import { httpUrlOf, isPublicAddress } from "@neson/kit/address";
import { friendlySize } from "./size.ts";

/** What proposals are made from. */
export interface ProposalFacts {
  /** Router that was named or chosen; where it is loopback, so is the Terminal. */
  router: string;
  listenPort: number;
  /** This machine's addresses, and its name for when none of them is public. */
  addresses: readonly string[];
  hostname: string;
}

/** Half of the free disk, as a size that is pleasant to read. */
export function proposedQuota(freeBytes: number): string {
  return friendlySize(freeBytes / 2);
}

/** The first public address, else the host's name; for a Router on this very machine, loopback. */
export function proposedEndpoint({ router, listenPort, addresses, hostname }: ProposalFacts): string {
  if (isLoopback(router)) return httpUrlOf("127.0.0.1", listenPort);
  const address = addresses.find(isPublicAddress);
  return new URL(httpUrlOf(address ?? hostname, listenPort)).origin;
}

/**
 * The address to listen on for viewers who come to that endpoint: loopback for loopback, every address otherwise.
 */
export function listenHostFor(endpoint: string): string {
  const host = new URL(endpoint).hostname;
  if (host === "localhost") return "127.0.0.1";
  if (isLoopback(endpoint)) return host.replace(/^\[|\]$/g, "");
  return host.startsWith("[") ? "::" : "0.0.0.0";
}

function isLoopback(url: string): boolean {
  const host = new URL(url).hostname;
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
