import { randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import { isPublicAddress } from "@neson/kit/address";
import { describeError } from "@neson/kit/error";
import { toHex } from "@neson/protocol/bytes";
import { verifySignature } from "@neson/protocol/identity";
import { pingBytes } from "@neson/protocol/messages";
import { z } from "zod";
import { type Address, systemResolve } from "../origin/resolver.ts";
import { type Hello, type Refusal, refusal } from "./handshake.ts";

const DIAL_BACK_MS = 4000;
const MAX_ANSWER_BYTES = 4096;

const pingAnswerSchema = z.object({ publicKey: z.string(), signature: z.string() });

/** Dials a Terminal's endpoint; undefined when the Terminal itself answered there, within so long. Never rejects. */
export type DialBack = (
  hello: Pick<Hello, "endpoint" | "publicKey">,
  withinMs?: number,
) => Promise<Refusal | undefined>;

/**
 * Proves that a Terminal can be reached where it says, and that it is the same Terminal: the endpoint must sign a fresh
 * nonce with the key of the `hello`. The address that was checked is the one that is dialled.
 */
export function createDialBack(options: { allowPrivateTerminals: boolean }): DialBack {
  return async (hello, withinMs = DIAL_BACK_MS) => {
    const { endpoint } = hello;
    try {
      const address = await addressOf(endpoint);
      if (!options.allowPrivateTerminals && !isPublicAddress(address.address)) {
        const message = `endpoint ${endpoint} is at ${address.address}, which the internet cannot reach. Give a public address or host name with --endpoint.`;
        return refusal("bad-endpoint", message);
      }
      const nonce = toHex(randomBytes(32));
      const answer = pingAnswerSchema.parse(
        JSON.parse(await getText(`${endpoint}/v1/ping/${nonce}`, address, withinMs)),
      );
      if (
        answer.publicKey === hello.publicKey &&
        verifySignature(answer.publicKey, pingBytes(nonce), answer.signature)
      ) {
        return undefined;
      }
      return refusal(
        "unreachable-endpoint",
        `another Terminal answers at ${endpoint}; give this one's own with --endpoint`,
      );
    } catch (error) {
      const message = `dialling ${endpoint} back failed: ${describeError(error)}. Open that port to the internet, or name the right address with --endpoint.`;
      return refusal("unreachable-endpoint", message);
    }
  };
}

async function addressOf(endpoint: string): Promise<Address> {
  const host = new URL(endpoint).hostname.replace(/^\[|\]$/g, "");
  const literal = isIP(host);
  if (literal !== 0) return { address: host, family: literal === 6 ? 6 : 4 };
  const [first] = await systemResolve(host);
  if (first === undefined) throw new Error(`${host} has no address`);
  return first;
}

function getText(url: string, { address, family }: Address, withinMs: number): Promise<string> {
  const client = url.startsWith("https:") ? https : http;
  return new Promise((resolve, reject) => {
    const request = client.get(url, {
      signal: AbortSignal.timeout(withinMs),
      agent: false,
      lookup: (_host, options, done) => (options.all ? done(null, [{ address, family }]) : done(null, address, family)),
    });
    request.on("error", reject);
    request.on("response", (response) => {
      let text = "";
      const fail = (problem: string) => {
        request.destroy();
        reject(new Error(problem));
      };
      if (response.statusCode !== 200) return fail(`found status ${response.statusCode}, expected 200`);
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > MAX_ANSWER_BYTES) fail(`answer longer than ${MAX_ANSWER_BYTES} bytes`);
      });
      response.on("end", () => resolve(text));
      response.on("error", reject);
    });
  });
}
