import { randomBytes } from "node:crypto";
import { toBase64Url } from "@neson/protocol/bytes";
import { deriveFillKey, openFillTicket, sealFillTicket } from "@neson/protocol/fill-ticket";
import { generateIdentity, type Identity, terminalIdOf, verifySignature } from "@neson/protocol/identity";
import { helloBytes, parseTerminalFrame, type RouterMessage, type TerminalMessage } from "@neson/protocol/messages";
import {
  deriveRouterTagKey,
  deriveTicketKey,
  sealTicket,
  siteIdOf,
  type Ticket,
  ticketKeyDay,
} from "@neson/protocol/ticket";
import { type Published, saveOf } from "./objects.ts";
import { until } from "./until.ts";

const SITE_HOST = "video.example.test";

/** How a fake Router differs from a friendly one. */
export interface FakeRouterOptions {
  identity?: Identity;
  /** Of the network; its own when absent. */
  masterKey?: Uint8Array;
  /** Where it says that it is. */
  knownAs?: string;
  port?: number;
  /** Bytes a second of its fills. */
  fillBytesPerSecond?: number;
  /** Answers wants with `nothing`, or not at all. */
  wants?: "save" | "nothing" | "silence";
  /** Answers a fill in its own way; undefined for the honest one. */
  onFill?: (request: FillRequest) => Response | undefined;
}

/** A Terminal's request for an object's bytes, or for its piece list. */
export interface FillRequest {
  published: Published;
  /** First and last byte asked for; all of them when it named none. */
  first: number;
  last: number;
  isPieceList: boolean;
  /** Counts the requests from 1. */
  number: number;
}

type Socket = Bun.ServerWebSocket<{ nonce: string }>;

/** A Router of the protocol's own words and no more: welcomes one Terminal, answers wants, serves fills, writes tickets. */
export class FakeRouter implements AsyncDisposable {
  readonly identity: Identity;
  readonly received: TerminalMessage[] = [];
  readonly objects = new Map<string, Published>();
  readonly fillPaths: string[] = [];
  /** Object ids whose bytes were asked for, once for each request. */
  readonly filledIds: string[] = [];
  /** The bytes asked for, first and last, once for each request. */
  readonly filledRanges: [number, number][] = [];
  /** Says which of the objects that a Terminal would evict it is to keep; by default none. */
  onEvict: ((objectIds: string[]) => string[]) | undefined;
  /** Acts on a claims message; by default everything is accepted. */
  onClaims: ((message: Extract<TerminalMessage, { type: "claims" }>) => RouterMessage | undefined) | undefined;
  connectionCount = 0;
  terminalId = "";
  readonly #masterKey: Uint8Array;
  readonly #options: FakeRouterOptions;
  readonly #server: Bun.Server<{ nonce: string }>;
  #socket: Socket | undefined;

  constructor(options: FakeRouterOptions = {}) {
    this.#options = options;
    this.#masterKey = options.masterKey ?? randomBytes(32);
    this.identity = options.identity ?? generateIdentity();
    this.#server = Bun.serve<{ nonce: string }>({
      hostname: "127.0.0.1",
      port: options.port ?? 0,
      fetch: (request, server) => {
        const path = new URL(request.url).pathname;
        if (path.startsWith("/v1/fill/")) return this.#fill(request, path);
        return server.upgrade(request, { data: { nonce: randomBytes(32).toString("hex") } })
          ? undefined
          : new Response("no", { status: 400 });
      },
      websocket: {
        open: (socket) => {
          this.connectionCount++;
          socket.send(JSON.stringify({ type: "challenge", nonce: socket.data.nonce }));
        },
        message: (socket, frame) => this.#receive(socket, String(frame)),
        close: (socket) => {
          if (this.#socket === socket) this.#socket = undefined;
        },
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  send(message: RouterMessage | string): void {
    this.#socket?.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** Breaks the Terminal's connection. */
  drop(): void {
    this.#socket?.terminate();
  }

  publish(published: Published): Published {
    this.objects.set(published.description.objectId, published);
    return published;
  }

  save(published: Published, id?: string): void {
    this.order(published, id === undefined ? {} : { id });
  }

  /** Orders an object, with what the message says beyond the usual. */
  order(published: Published, more: Partial<Extract<RouterMessage, { type: "save" }>>): void {
    this.publish(published);
    this.send({ ...saveOf(published, this.#fillUrl(published), this.identity), ...more });
  }

  /** Orders the object and waits until it is stored. */
  async store(published: Published): Promise<void> {
    this.save(published);
    const { objectId } = published.description;
    await this.heard((message) => message.type === "stored" && message.objectId === objectId);
  }

  async heard(matches: (message: TerminalMessage) => boolean, withinMs = 5000): Promise<void> {
    await until("a message of the Terminal", () => this.received.some(matches), withinMs);
  }

  ticket(published: Published, changes: Partial<Ticket> = {}, siteHost = SITE_HOST): string {
    const { objectId, size } = published.description;
    const nowSeconds = Math.floor(Date.now() / 1000);
    const keyDay = changes.keyDay ?? ticketKeyDay(nowSeconds);
    const ticket: Ticket = {
      keyDay,
      terminalId16: this.terminalId.slice(0, 32),
      objectId,
      headersId: published.headersId,
      siteId: siteIdOf("demo"),
      firstByte: 0,
      lastByte: Math.max(0, size - 1),
      maxBytes: size * 3,
      expiresAt: nowSeconds + 300,
      nonce: randomBytes(16).toString("hex"),
      clientNetwork: "00".repeat(8),
      ...changes,
    };
    const terminalKey = deriveTicketKey(this.#masterKey, this.terminalId, keyDay);
    return sealTicket(ticket, { routerTagKey: deriveRouterTagKey(this.#masterKey), terminalKey, siteHost });
  }

  /** Path of a ticketed request. */
  path(published: Published, changes: Partial<Ticket> = {}): string {
    return `/v1/${this.ticket(published, changes)}/${SITE_HOST}/films/a%20b.mp4?x=1`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  #receive(socket: Socket, text: string): void {
    const message = parseTerminalFrame(text);
    this.received.push(message);
    const reply = (answer: RouterMessage) => void socket.send(JSON.stringify(answer));
    if (message.type === "hello") {
      const { publicKey, endpoint, signature } = message;
      if (!verifySignature(publicKey, helloBytes({ nonce: socket.data.nonce, publicKey, endpoint }), signature)) {
        reply({ type: "refused", code: "bad-signature", message: "no" });
        return;
      }
      this.terminalId = terminalIdOf(publicKey);
      this.#socket = socket;
      reply(this.welcome());
    } else if (message.type === "heartbeat") reply({ type: "ok", sequence: message.sequence });
    else if (message.type === "leave") reply({ type: "ok", sequence: 0 });
    else if (message.type === "want") this.#answerWant(message);
    else if (message.type === "evict") {
      const keep = this.onEvict?.(message.objects.map(({ objectId }) => objectId)) ?? [];
      reply({ type: "evict.reply", id: message.id, keep });
    } else if (message.type === "claims") {
      const ack: RouterMessage = { type: "claims.ack", id: message.id, accepted: message.claims.length, refused: [] };
      const answer = this.onClaims === undefined ? ack : this.onClaims(message);
      if (answer !== undefined) reply(answer);
    }
  }

  welcome(): Extract<RouterMessage, { type: "welcome" }> {
    const today = ticketKeyDay(Date.now() / 1000);
    const ticketKeys = [today - 1, today, today + 1].map((day) => {
      return { day, key: toBase64Url(deriveTicketKey(this.#masterKey, this.terminalId, day)) };
    });
    const limits = { maxObjectBytes: 2 ** 30 };
    return {
      type: "welcome",
      routerKey: this.identity.publicKey,
      ticketKeys,
      edgeScheme: "http",
      heartbeatMs: 100,
      limits,
      ...(this.#options.knownAs === undefined ? {} : { url: this.#options.knownAs }),
    };
  }

  #answerWant({ id, objectId }: Extract<TerminalMessage, { type: "want" }>): void {
    const published = this.objects.get(objectId);
    if (this.#options.wants === "silence") return;
    if (published === undefined || this.#options.wants === "nothing") this.send({ type: "nothing", id, reason: "no" });
    else this.save(published, id);
  }

  #fillUrl({ description: { objectId } }: Published): string {
    const expiresAt = Math.floor(Date.now() / 1000) + 600;
    const ticket = sealFillTicket({ objectId, terminalId: this.terminalId, expiresAt }, deriveFillKey(this.#masterKey));
    return `${this.url}/v1/fill/${ticket}`;
  }

  #fill(request: Request, path: string): Response {
    this.fillPaths.push(path);
    const [, text = "", suffix] = /^\/v1\/fill\/([^/]+)(\/pieces)?$/.exec(path) ?? [];
    const verdict = openFillTicket(text, deriveFillKey(this.#masterKey), Date.now() / 1000);
    const published = verdict.ok ? this.objects.get(verdict.ticket.objectId) : undefined;
    if (published === undefined) return new Response("no", { status: 403 });
    const { bytes, description } = published;
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
    const first = range === null ? 0 : Number(range[1]);
    const last = range === null ? bytes.length - 1 : Number(range[2]);
    const asked = { published, first, last, isPieceList: suffix !== undefined, number: this.fillPaths.length };
    const own = this.#options.onFill?.(asked);
    if (own !== undefined) return own;
    if (suffix !== undefined) return new Response(Uint8Array.from(description.pieces));
    this.filledIds.push(description.objectId);
    this.filledRanges.push([first, last]);
    const headers = { "Content-Range": `bytes ${first}-${last}/${bytes.length}` };
    const body = this.#paced(bytes.subarray(first, last + 1));
    return range === null ? new Response(body) : new Response(body, { status: 206, headers });
  }

  #paced(bytes: Uint8Array): ReadableStream<Uint8Array> {
    const rate = this.#options.fillBytesPerSecond ?? Number.POSITIVE_INFINITY;
    const blockBytes = 48_000;
    let at = 0;
    return new ReadableStream({
      async pull(controller) {
        if (at >= bytes.length) {
          controller.close();
          return;
        }
        const block = bytes.slice(at, at + blockBytes);
        at += block.length;
        if (Number.isFinite(rate)) await Bun.sleep((block.length / rate) * 1000);
        controller.enqueue(block);
      },
    });
  }
}
