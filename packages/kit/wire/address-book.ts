import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Addresses that are told apart at once; beyond it, new ones share one account. */
const MAX_ADDRESSES = 100_000;

/** Bounds of one address. */
export interface AddressLimits {
  maxConnectionsPerAddress: number;
  maxRequestsPerSecond: number;
}

/** What is known of one address: how many connections it has, and how many requests it may still send. */
export interface AddressAccount {
  connections: number;
  /** Requests it may send at once: a second's worth when it has been quiet. */
  credit: number;
}

/**
 * The group a client address is counted in: an IPv4 address alone (also in its IPv6-mapped form), an IPv6 address with its whole /64, because
 * one customer line has that many.
 */
export function addressGroupOf(address: string): string {
  if (!address.includes(":")) return address;
  if (isIP(address) === 0) return "unknown";
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(":") : parsed.toString();
}

/** Counts connections and requests by address group. An account lives while it has connections or has used up credit. */
export class AddressBook {
  readonly #limits: AddressLimits;
  readonly #accounts = new Map<string, AddressAccount>();
  readonly #others: AddressAccount;

  constructor(limits: AddressLimits) {
    this.#limits = limits;
    this.#others = { connections: 0, credit: limits.maxRequestsPerSecond };
  }

  /** How many groups are told apart now. */
  get size(): number {
    return this.#accounts.size;
  }

  /** Counts a new connection; undefined when the address has its full number already. */
  connect(address: string): AddressAccount | undefined {
    const account = this.#find(address);
    if (account.connections >= this.#limits.maxConnectionsPerAddress) return undefined;
    account.connections++;
    return account;
  }

  /** Counts a connection that `connect` counted as gone. */
  disconnect(account: AddressAccount): void {
    account.connections--;
  }

  /** Takes one request from the credit; false when there is none. */
  admit(account: AddressAccount): boolean {
    if (account.credit < 1) return false;
    account.credit--;
    return true;
  }

  /** The account of an address without a connection that is counted here. */
  accountOf(address: string): AddressAccount {
    return this.#find(address);
  }

  /** Gives credit for time that went by, and forgets whoever is quiet. */
  refill(elapsedMs: number): void {
    const { maxRequestsPerSecond } = this.#limits;
    const gained = (maxRequestsPerSecond * elapsedMs) / 1000;
    this.#others.credit = Math.min(maxRequestsPerSecond, this.#others.credit + gained);
    for (const [group, account] of this.#accounts) {
      account.credit = Math.min(maxRequestsPerSecond, account.credit + gained);
      if (account.connections === 0 && account.credit === maxRequestsPerSecond) this.#accounts.delete(group);
    }
  }

  #find(address: string): AddressAccount {
    const group = addressGroupOf(address);
    const known = this.#accounts.get(group);
    if (known !== undefined) return known;
    if (this.#accounts.size >= MAX_ADDRESSES) return this.#others;
    const account = { connections: 0, credit: this.#limits.maxRequestsPerSecond };
    this.#accounts.set(group, account);
    return account;
  }
}
