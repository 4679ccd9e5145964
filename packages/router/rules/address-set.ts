import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

const BITS = 128;
const MAPPED_BITS = 96;
const MAPPED = "00000000000000000000ffff";

/** First and last address of a network, as 32 hex digits each. */
export interface AddressSpan {
  first: string;
  last: string;
}

/** An address as 32 hex digits, IPv4 in its mapped form (RFC 4291 2.5.5.2); undefined for what is no IP address. */
export function addressKey(address: string): string | undefined {
  if (isIP(address) === 0) return undefined;
  const bytes = ipaddr.process(address).toByteArray();
  const hex = Buffer.from(bytes).toString("hex");
  return bytes.length === 4 ? MAPPED + hex : hex;
}

/** Reads "192.0.2.0/24", "2001:db8::/32" or one address; undefined for anything else, host bits that are set included. */
export function networkSpan(text: string): AddressSpan | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const first = addressKey(address);
  if (first === undefined || rest.length > 0) return undefined;
  if (length === undefined) return { first, last: first };
  if (!/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const bits = Number(length) + (isIP(address) === 4 ? MAPPED_BITS : 0);
  if (bits > BITS) return undefined;
  const free = (1n << BigInt(BITS - bits)) - 1n;
  const start = BigInt(`0x${first}`);
  if ((start & free) !== 0n) return undefined;
  return { first, last: (start | free).toString(16).padStart(first.length, "0") };
}

/** A fixed set of networks; asking costs a parsed address and a binary search. */
export class AddressSet {
  readonly #firsts: string[] = [];
  readonly #lasts: string[] = [];

  /** Texts that `networkSpan` does not read are left out: settings are checked before they come here. */
  constructor(networks: readonly string[]) {
    const spans = networks.map(networkSpan).filter((span) => span !== undefined);
    spans.sort((a, b) => (a.first < b.first ? -1 : Number(a.first > b.first)));
    for (const { first, last } of spans) {
      const end = this.#lasts.length - 1;
      const former = this.#lasts[end];
      if (former !== undefined && first <= former) {
        if (last > former) this.#lasts[end] = last;
      } else {
        this.#firsts.push(first);
        this.#lasts.push(last);
      }
    }
  }

  /** False for what is no IP address. */
  has(address: string): boolean {
    if (this.#firsts.length === 0) return false;
    const key = addressKey(address);
    if (key === undefined) return false;
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#firsts[middle] ?? "") <= key) low = middle + 1;
      else high = middle;
    }
    return low > 0 && key <= (this.#lasts[low - 1] ?? "");
  }
}
