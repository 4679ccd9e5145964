import { randomBytes } from "node:crypto";
import { toBase64Url, toHex } from "@neson/protocol/bytes";
import { generateIdentity, terminalIdOf } from "@neson/protocol/identity";
import { headersIdOf, MAX_INLINE_PIECES, signManifest } from "@neson/protocol/manifest";
import { parseTerminalFrame, type RouterMessage, type TerminalMessage } from "@neson/protocol/messages";
import { type ObjectDescription, ObjectHasher } from "@neson/protocol/object";
import {
  deriveRouterTagKey,
  deriveTicketKey,
  readClaimTicket,
  sealTicket,
  siteIdOf,
  ticketKeyDay,
} from "@neson/protocol/ticket";

const SITE_NAME = "bench";
const TICKET_SECONDS = 6 * 3600;

interface Held {
  body: Uint8Array;
  description: ObjectDescription;
  headers: [string, string][];
  headersId: string;
}

/** What a Terminal needs of a Router: keys, manifests, fills, tickets, and somebody to take its claims. */
export interface StandInRouter extends AsyncDisposable {
  /** http URL for the Terminal's configuration. */
  url: string;
  /** Host that tickets are bound to. */
  siteHost: string;
  /** Targets that the connected Terminal has reported as stored. */
  storedCount(): number;
  /** Body bytes claimed on genuine tickets. */
  claimedBytes(): number;
  /** A path on the Terminal, with a ticket of its own that lasts for the whole run. */
  ticketPath(target: string): string;
}

/** Starts the stand-in: every Terminal that connects is asked to save all bodies. */
export function startStandInRouter(
  bodies: ReadonlyMap<string, Uint8Array>,
  fieldsOf: (target: string) => [string, string][],
): StandInRouter {
  const identity = generateIdentity();
  const masterKey = randomBytes(32);
  const held = new Map([...bodies].map(([target, body]) => [target, hold(body, fieldsOf(target))]));
  const state = { terminalId: "", stored: new Set<string>(), claimed: new Map<string, number>() };
  const routerTagKey = deriveRouterTagKey(masterKey);
  const answer = (message: TerminalMessage, baseUrl: string): RouterMessage[] => {
    switch (message.type) {
      case "hello":
        state.terminalId = terminalIdOf(message.publicKey);
        return [
          welcome(identity.publicKey, masterKey, state.terminalId),
          ...[...held.values()].map(
            (object, index): RouterMessage => ({
              type: "save",
              manifest: signManifest(manifestOf(object), identity),
              fillUrl: `${baseUrl}/fill/${index}`,
              priority: "now",
            }),
          ),
        ];
      case "heartbeat":
        return [{ type: "ok", sequence: message.sequence }];
      case "stored":
        state.stored.add(message.objectId);
        return [];
      case "claims":
        for (const { ticket, bytes } of message.claims) {
          const verdict = readClaimTicket(ticket, { routerTagKey });
          if (verdict.ok) state.claimed.set(verdict.ticket.nonce, bytes);
        }
        return [{ type: "claims.ack", id: message.id, accepted: message.claims.length, refused: [] }];
      case "want":
        return [{ type: "nothing", id: message.id, reason: "everything has been given already" }];
      default:
        return [];
    }
  };
  const server = serve([...held.values()], answer);
  const siteHost = `127.0.0.1:${server.port}`;
  return {
    url: `http://${siteHost}`,
    siteHost,
    storedCount: () => state.stored.size,
    claimedBytes: () => [...state.claimed.values()].reduce((sum, bytes) => sum + bytes, 0),
    ticketPath: (target) => {
      const object = held.get(target);
      if (object === undefined) throw new Error(`no body for ${target}`);
      return `/v1/${seal(object, state.terminalId, masterKey, siteHost)}/${siteHost}${target}`;
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function serve(
  held: readonly Held[],
  answer: (message: TerminalMessage, baseUrl: string) => RouterMessage[],
): Bun.Server<undefined> {
  const server = Bun.serve<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) => {
      const [, kind, index = "", part] = new URL(request.url).pathname.split("/");
      if (kind === "v1" && server.upgrade(request)) return undefined;
      const object = kind === "fill" ? held[Number(index)] : undefined;
      if (object === undefined) return new Response("not here\n", { status: 404 });
      return new Response(Uint8Array.from(part === "pieces" ? object.description.pieces : object.body));
    },
    websocket: {
      open: (socket) => void socket.send(JSON.stringify({ type: "challenge", nonce: toHex(randomBytes(32)) })),
      message: (socket, text) => {
        for (const reply of answer(parseTerminalFrame(String(text)), `http://127.0.0.1:${server.port}`)) {
          socket.send(JSON.stringify(reply));
        }
      },
    },
  });
  return server;
}

function hold(body: Uint8Array, headers: [string, string][]): Held {
  const hasher = new ObjectHasher();
  hasher.update(body);
  return { body, description: hasher.finish(), headers, headersId: headersIdOf(headers) };
}

function manifestOf({ description, headers, headersId }: Held) {
  const { pieces, ...shape } = description;
  const issuedAt = Math.floor(Date.now() / 1000);
  const inline = pieces.length / 32 <= MAX_INLINE_PIECES ? { pieces: toBase64Url(pieces) } : {};
  return {
    version: 1 as const,
    ...shape,
    ...inline,
    headers,
    headersId,
    site: SITE_NAME,
    issuedAt,
    expiresAt: issuedAt + 86_400,
  };
}

function welcome(routerKey: string, masterKey: Uint8Array, terminalId: string): RouterMessage {
  const today = ticketKeyDay(Date.now() / 1000);
  return {
    type: "welcome",
    routerKey,
    ticketKeys: [today, today + 1].map((day) => ({
      day,
      key: toBase64Url(deriveTicketKey(masterKey, terminalId, day)),
    })),
    edgeScheme: "http",
    heartbeatMs: 1000,
    limits: { maxObjectBytes: 2 ** 40 },
  };
}

function seal(object: Held, terminalId: string, masterKey: Uint8Array, siteHost: string): string {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const keyDay = ticketKeyDay(nowSeconds);
  const ticket = {
    keyDay,
    terminalId16: terminalId.slice(0, 32),
    objectId: object.description.objectId,
    headersId: object.headersId,
    siteId: siteIdOf(SITE_NAME),
    firstByte: 0,
    lastByte: object.description.size - 1,
    // Without end, so that one URL can be asked for during the whole run.
    maxBytes: Number.MAX_SAFE_INTEGER,
    expiresAt: nowSeconds + TICKET_SECONDS,
    nonce: toHex(randomBytes(16)),
    clientNetwork: "0".repeat(16),
  };
  const terminalKey = deriveTicketKey(masterKey, terminalId, keyDay);
  return sealTicket(ticket, { routerTagKey: deriveRouterTagKey(masterKey), terminalKey, siteHost });
}
