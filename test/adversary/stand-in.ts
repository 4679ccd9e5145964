import http from "node:http";
import type { AddressInfo } from "node:net";
import { generateIdentity, type Identity, terminalIdOf } from "@neson/protocol/identity";
import {
  helloBytes,
  PROTOCOL_VERSION,
  parseRouterFrame,
  pingBytes,
  type RouterMessage,
  type TerminalMessage,
} from "@neson/protocol/messages";
import { until } from "../e2e/network.ts";

/** One message of a Router, by its type. */
type Told<T extends RouterMessage["type"]> = Extract<RouterMessage, { type: T }>;

/** A bare WebSocket to a Router's control listener: sends whatever it is told to. */
export class RawChannel implements AsyncDisposable {
  readonly told: RouterMessage[] = [];
  closed: { code: number; reason: string } | undefined;
  readonly #socket: WebSocket;

  constructor(controlUrl: string) {
    this.#socket = new WebSocket(`${controlUrl.replace("http", "ws")}/v1/terminal`);
    this.#socket.onmessage = ({ data }) => void this.told.push(parseRouterFrame(String(data)));
    this.#socket.onclose = ({ code, reason }) => {
      this.closed = { code, reason };
    };
  }

  /** Objects go out as JSON, everything else as it is. */
  send(frame: string | Uint8Array<ArrayBuffer> | object): void {
    if (typeof frame === "string" || frame instanceof Uint8Array) this.#socket.send(frame);
    else this.#socket.send(JSON.stringify(frame));
  }

  /** The first message of a type that `isIt`, come or to come. */
  hears<T extends RouterMessage["type"]>(type: T, isIt: (message: Told<T>) => boolean = () => true): Promise<Told<T>> {
    return until(`the Router to say ${type}; it said ${JSON.stringify(this.told.slice(-3))}`, () =>
      this.told.find((message): message is Told<T> => message.type === type && isIt(message as Told<T>)),
    );
  }

  /** Waits until the Router has hung up, and gives its last word: "code: message" of a refusal, or the close code. */
  async lastWord(): Promise<string> {
    const { code } = await until("the Router to hang up", () => this.closed);
    const refused = this.told.find((message) => message.type === "refused");
    return refused?.type === "refused" ? `${refused.code}: ${refused.message}` : `close code ${code}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await until("the socket to close", () => this.closed !== undefined);
  }
}

/** A properly signed hello, to be spoilt by the caller. */
export function helloOf(
  identity: Identity,
  nonce: string,
  endpoint: string,
): Extract<TerminalMessage, { type: "hello" }> {
  const { publicKey } = identity;
  return {
    type: "hello",
    protocol: PROTOCOL_VERSION,
    publicKey,
    signature: identity.sign(helloBytes({ nonce, publicKey, endpoint })),
    endpoint,
    version: "stand-in",
    hardware: {
      platform: "linux",
      cpuModel: "none",
      cpuCores: 1,
      memoryBytes: 1,
      disk: { kind: "unknown", totalBytes: 1, freeBytes: 1 },
      isSmall: false,
    },
  };
}

/** A heartbeat of a Terminal that has no room, so that nobody asks it to save anything. */
export function heartbeatOf(sequence: number): Extract<TerminalMessage, { type: "heartbeat" }> {
  return {
    type: "heartbeat",
    sequence,
    openTransfers: 0,
    egressBytesPerSecond: 0,
    cpuLoad: 0,
    freeMemoryBytes: 0,
    remainingBytes: 0,
    quotaBytes: 0,
    objectCount: 0,
    indexDigest: "0".repeat(64),
  };
}

/** A process-less Terminal that passes the dial-back and then says what the test wants. */
export interface StandIn extends AsyncDisposable {
  identity: Identity;
  terminalId: string;
  endpoint: string;
  /** Opens a channel, says hello and waits for the welcome; heartbeats follow by themselves. */
  join(controlUrl: string): Promise<RawChannel>;
}

/** Starts the endpoint of a stand-in on its own loopback host. */
export async function startStandIn(host: string): Promise<StandIn> {
  await using parts = new AsyncDisposableStack();
  const identity = generateIdentity();
  const { publicKey } = identity;
  const terminalId = terminalIdOf(publicKey);
  const server = http.createServer((request, response) => {
    const nonce = /^\/v1\/ping\/([0-9a-f]{64})$/.exec(request.url ?? "")?.[1];
    if (nonce === undefined) response.writeHead(404).end();
    else response.end(JSON.stringify({ terminalId, publicKey, signature: identity.sign(pingBytes(nonce)) }));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  parts.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const endpoint = `http://${host}:${(server.address() as AddressInfo).port}`;
  const running = parts.move();
  return {
    identity,
    terminalId,
    endpoint,
    join: async (controlUrl) => {
      const channel = running.use(new RawChannel(controlUrl));
      const { nonce } = await channel.hears("challenge");
      channel.send(helloOf(identity, nonce, endpoint));
      await channel.hears("welcome");
      let sequence = 0;
      const beating = setInterval(() => {
        if (channel.closed === undefined) channel.send(heartbeatOf(sequence++));
        else clearInterval(beating);
      }, 500);
      running.defer(() => clearInterval(beating));
      return channel;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
