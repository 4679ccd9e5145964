/**
 * A process that is many Terminals to a Router: each has its identity, its own address, a control channel, heartbeats and an
 * answer to the dial-back. They say they have stored what they are asked to save, and hold nothing: nobody asks them for bytes.
 *
 *   bun stand-in-terminals.ts <control URL> <count> <port>
 *
 * `GET http://127.1.0.1:<port>/ready` answers 200 once all are welcome, 503 before.
 */
import { cpus } from "node:os";
import { generateIdentity, type Identity, terminalIdOf } from "@neson/protocol/identity";
import { IndexDigest } from "@neson/protocol/index-digest";
import {
  helloBytes,
  PROTOCOL_VERSION,
  parseRouterFrame,
  pingBytes,
  type TerminalMessage,
} from "@neson/protocol/messages";
import { z } from "zod";

const HEARTBEAT_MS = 1000;
const QUOTA_BYTES = 2 ** 40;
const savedSchema = z.object({ objectId: z.string(), headersId: z.string(), size: z.number() });

/** The address of each: no two in one /24, as between strangers. */
function addressOf(index: number): string {
  return `127.1.${index}.1`;
}

class StandInTerminal {
  isWelcome = false;
  readonly #identity: Identity = generateIdentity();
  readonly #index = new IndexDigest();
  readonly #socket: WebSocket;
  readonly #endpoint: string;
  #objectCount = 0;
  #sequence = 0;

  constructor(controlUrl: string, index: number, port: number) {
    this.#endpoint = `http://${addressOf(index)}:${port}`;
    Bun.serve({ hostname: addressOf(index), port, fetch: (request) => this.#answer(new URL(request.url).pathname) });
    this.#socket = new WebSocket(`${controlUrl.replace("http", "ws")}/v1/terminal`);
    this.#socket.onmessage = ({ data }) => this.#receive(String(data));
    // The Router has gone, or does not want us: there is nothing left to stand in for.
    this.#socket.onclose = () => process.exit(1);
  }

  heartbeat(): void {
    if (!this.isWelcome) return;
    this.#send({
      type: "heartbeat",
      sequence: this.#sequence++,
      openTransfers: 0,
      egressBytesPerSecond: 0,
      cpuLoad: 0.1,
      freeMemoryBytes: 2 ** 30,
      remainingBytes: QUOTA_BYTES,
      quotaBytes: QUOTA_BYTES,
      objectCount: this.#objectCount,
      indexDigest: this.#index.toString(),
    });
  }

  #receive(text: string): void {
    const message = parseRouterFrame(text);
    if (message.type === "challenge") this.#hello(message.nonce);
    if (message.type === "welcome") {
      this.isWelcome = true;
      this.heartbeat();
    }
    if (message.type === "refused") process.stderr.write(`refused: ${message.message}\n`);
    if (message.type !== "save") return;
    const { objectId, headersId, size } = savedSchema.parse(JSON.parse(message.manifest.body));
    this.#index.add(objectId, headersId);
    this.#objectCount += 1;
    this.#send({ type: "stored", objectId, headersId, bytes: size });
  }

  #hello(nonce: string): void {
    const { publicKey } = this.#identity;
    this.#send({
      type: "hello",
      protocol: PROTOCOL_VERSION,
      publicKey,
      signature: this.#identity.sign(helloBytes({ nonce, publicKey, endpoint: this.#endpoint })),
      endpoint: this.#endpoint,
      version: "stand-in",
      hardware: {
        platform: "linux",
        cpuModel: cpus()[0]?.model ?? "",
        cpuCores: 1,
        memoryBytes: 2 ** 30,
        disk: { kind: "unknown", totalBytes: QUOTA_BYTES, freeBytes: QUOTA_BYTES },
        isSmall: false,
      },
    });
  }

  #answer(path: string): Response {
    if (path === "/ready") return new Response(null, { status: terminals.every((each) => each.isWelcome) ? 200 : 503 });
    const nonce = /^\/v1\/ping\/([0-9a-f]{64})$/.exec(path)?.[1];
    if (nonce === undefined) return new Response("nothing is stored here\n", { status: 404 });
    const { publicKey } = this.#identity;
    const signature = this.#identity.sign(pingBytes(nonce));
    return Response.json({ terminalId: terminalIdOf(publicKey), publicKey, signature });
  }

  #send(message: TerminalMessage): void {
    this.#socket.send(JSON.stringify(message));
  }
}

const [controlUrl = "", count = "", port = ""] = process.argv.slice(2);
const terminals = Array.from(
  { length: Number(count) },
  (_, index) => new StandInTerminal(controlUrl, index, Number(port)),
);
setInterval(() => {
  for (const terminal of terminals) terminal.heartbeat();
}, HEARTBEAT_MS);
