import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { isPublicAddress } from "@neson/kit/address";
import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { Lru } from "../catalog/lru.ts";

/** An IP address that may be dialled. */
export interface Address {
  address: string;
  family: 4 | 6;
}

/** All addresses of a host name; throws when there are none. */
export type Resolve = (hostname: string) => Promise<Address[]>;

/** For so long an answer is used again. */
const KEEP_MS = 30_000;
/** For so much longer it stands in when the name cannot be resolved. */
const STALE_MS = 600_000;
const MAX_NAMES = 10_000;

/** The machine's own way to resolve names, hosts file included. */
export const systemResolve: Resolve = async (hostname) => {
  const found = await lookup(hostname, { all: true, order: "verbatim" });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
};

interface Answer {
  addresses: Address[];
  atMs: number;
}

/**
 * Turns an origin's host name into addresses that may be dialled. What is checked is what is dialled: the caller connects to one of these
 * addresses and never resolves again, so a name that changes its answer gains nothing.
 */
export class OriginResolver {
  readonly #resolve: Resolve;
  readonly #clock: Clock;
  readonly #answers = new Lru<Answer>(MAX_NAMES);
  readonly #asking = new Map<string, Promise<Address[]>>();

  constructor(deps: { resolve: Resolve; clock: Clock }) {
    this.#resolve = deps.resolve;
    this.#clock = deps.clock;
  }

  /**
   * @throws NesonError `origin-address-refused` (operator) when no address is public and private ones are not allowed;
   * `origin-unresolved` (peer) when the name has no address
   */
  async addressesOf(hostname: string, allowPrivate: boolean): Promise<Address[]> {
    const all = await this.#ask(hostname);
    const allowed = allowPrivate ? all : all.filter(({ address }) => isPublicAddress(address));
    if (allowed.length > 0) return allowed;
    const found = all.map(({ address }) => address).join(", ");
    throw new NesonError(
      "origin-address-refused",
      `dialling origin ${hostname} refused: found ${found}, allowed: public addresses (or set allowPrivateOrigin for the site)`,
      { fault: "operator", details: { hostname, found } },
    );
  }

  #ask(hostname: string): Promise<Address[]> | Address[] {
    const literal = isIP(hostname);
    if (literal !== 0) return [{ address: hostname, family: literal === 6 ? 6 : 4 }];
    const known = this.#answers.get(hostname);
    if (known !== undefined && this.#clock.nowMs() - known.atMs < KEEP_MS) return known.addresses;
    const underWay = this.#asking.get(hostname);
    if (underWay !== undefined) return underWay;
    const asking = this.#askAnew(hostname, known).finally(() => this.#asking.delete(hostname));
    this.#asking.set(hostname, asking);
    return asking;
  }

  async #askAnew(hostname: string, former: Answer | undefined): Promise<Address[]> {
    try {
      const addresses = await this.#resolve(hostname);
      if (addresses.length === 0) throw new Error("the name has no address");
      this.#answers.set(hostname, { addresses, atMs: this.#clock.nowMs() }, 1);
      return addresses;
    } catch (cause) {
      if (former !== undefined && this.#clock.nowMs() - former.atMs < KEEP_MS + STALE_MS) return former.addresses;
      throw new NesonError("origin-unresolved", `resolving origin ${hostname} failed`, { fault: "peer", cause });
    }
  }
}
