import { networkOf } from "@neson/kit/address";
import { hmacSha256, toHex } from "@neson/protocol/bytes";
import { PIECE_BYTES } from "@neson/protocol/object";
import { deriveRouterTagKey, deriveTicketKey, sealTicket, siteIdOf, ticketKeyDay } from "@neson/protocol/ticket";
import type { CatalogEntry } from "../catalog/entry.ts";

/** Share of an object's size that a viewer may fetch again on the same answer, beside one piece: retries and seeks. */
const RETRY_ALLOWANCE = 0.1;
/** How many client networks, and how many site ids, are kept ready. */
const MAX_REMEMBERED = 10_000;
const NONCE_GROUP_BYTES = 15;
const GROUPS_PER_DRAW = 256;
/** Index of a ticket in its group, as one byte of hex. */
const INDEX_TEXT = Array.from({ length: 256 }, (_none, index) => index.toString(16).padStart(2, "0"));

/** Signs tickets for this Router: one group of them per answer. */
export interface TicketMint {
  group(options: { entry: CatalogEntry; siteName: string; siteHost: string; clientAddress: string }): TicketGroup;
}

/** The tickets of one answer; together they pay at most `maxBytes`. */
export interface TicketGroup {
  readonly maxBytes: number;
  readonly expiresAtSeconds: number;
  /** A ticket for the Terminal; `index` (0 to 255) tells the tickets of the group apart. */
  ticketFor(terminalId: string, index: number): string;
}

/**
 * Opens the mint; `masterKey` is shared by all Routers of a network, `ticketSeconds` is how long a ticket may start transfers, `mark` (hex, at most
 * 4 digits) is what its nonces begin with.
 */
export function createTicketMint(
  options: { masterKey: Uint8Array; ticketSeconds: number; mark?: string },
  deps: { nowMs: () => number; randomBytes: (count: number) => Uint8Array },
): TicketMint {
  const routerTagKey = deriveRouterTagKey(options.masterKey);
  const terminalKeys = createTerminalKeys(options.masterKey);
  const networks = createNetworkDigests(options.masterKey);
  const nonces = createNonceGroups(deps.randomBytes, options.mark ?? "");
  const siteIds = remembered(siteIdOf);
  return {
    group: ({ entry, siteName, siteHost, clientAddress }) => {
      const nowSeconds = Math.floor(deps.nowMs() / 1000);
      const keyDay = ticketKeyDay(nowSeconds);
      const size = entry.object.size;
      const maxBytes = size + Math.floor(size * RETRY_ALLOWANCE) + PIECE_BYTES;
      const expiresAt = nowSeconds + options.ticketSeconds;
      const nonceGroup = nonces();
      const siteId = siteIds(siteName);
      const clientNetwork = networks(clientAddress);
      return {
        maxBytes,
        expiresAtSeconds: expiresAt,
        ticketFor: (terminalId, index) =>
          sealTicket(
            {
              keyDay,
              terminalId16: terminalId.slice(0, 32),
              objectId: entry.object.objectId,
              headersId: entry.headersId,
              siteId,
              firstByte: 0,
              lastByte: Math.max(0, size - 1),
              maxBytes,
              expiresAt,
              nonce: nonceGroup + (INDEX_TEXT[index] ?? ""),
              clientNetwork,
            },
            { routerTagKey, terminalKey: terminalKeys(terminalId, keyDay), siteHost },
          ),
      };
    },
  };
}

/** Per-Terminal keys of the current day, derived once each. */
function createTerminalKeys(masterKey: Uint8Array): (terminalId: string, keyDay: number) => Uint8Array {
  let day = -1;
  const keys = new Map<string, Uint8Array>();
  return (terminalId, keyDay) => {
    if (keyDay !== day) {
      keys.clear();
      day = keyDay;
    }
    let key = keys.get(terminalId);
    if (key === undefined) {
      key = deriveTicketKey(masterKey, terminalId, keyDay);
      keys.set(terminalId, key);
    }
    return key;
  };
}

/** A client's network as 8 bytes that only Routers can trace back (keyed): Terminals must not learn viewers from tickets. */
function createNetworkDigests(masterKey: Uint8Array): (address: string) => string {
  const key = hmacSha256(masterKey, "neson-client-network-1");
  return remembered((address) => toHex(hmacSha256(key, networkOf(address)).subarray(0, 8)));
}

/** The same function, with its latest answers kept ready. */
function remembered(compute: (text: string) => string): (text: string) => string {
  const answers = new Map<string, string>();
  return (text) => {
    let answer = answers.get(text);
    if (answer === undefined) {
      answer = compute(text);
      if (answers.size >= MAX_REMEMBERED) answers.clear();
      answers.set(text, answer);
    }
    return answer;
  };
}

/** Nonce groups, random but for the mark, drawn many at a time: one system call serves 256 answers. */
function createNonceGroups(randomBytes: (count: number) => Uint8Array, mark: string): () => string {
  let drawn = "";
  let used = 0;
  return () => {
    if (used >= drawn.length) {
      drawn = toHex(randomBytes(NONCE_GROUP_BYTES * GROUPS_PER_DRAW));
      used = 0;
    }
    used += NONCE_GROUP_BYTES * 2;
    return mark + drawn.slice(used - NONCE_GROUP_BYTES * 2 + mark.length, used);
  };
}
