import { createHmac, hkdfSync } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { NesonError } from "@neson/kit/error";
import type { OriginResolver } from "../origin/resolver.ts";

const POST_MS = 10_000;
const SECRET_BYTES = 32;

/** One message for a webhook. */
export interface WebhookMessage {
  /** The same at every try, so that a receiver can tell a repetition. */
  id: string;
  /** When this try is made, Unix seconds. */
  atSeconds: number;
  /** JSON text. */
  body: string;
}

/** The secret that a site's messages are signed with, as its owner keeps it; derived, so that it is stored nowhere. Each rotation gives another. */
export function webhookSecretOf(masterKey: Uint8Array, siteName: string, generation: number): string {
  const info = Buffer.from(`neson-webhook-1\n${siteName}\n${generation}`);
  return `whsec_${Buffer.from(hkdfSync("sha256", masterKey, new Uint8Array(0), info, SECRET_BYTES)).toString("base64")}`;
}

/** The signing fields of Standard Webhooks 1.0: HMAC-SHA256 over id, time and body, by each secret that is good now. */
export function webhookFields(message: WebhookMessage, secrets: readonly string[]): Record<string, string> {
  const signed = `${message.id}.${message.atSeconds}.${message.body}`;
  return {
    "webhook-id": message.id,
    "webhook-timestamp": String(message.atSeconds),
    "webhook-signature": secrets.map((secret) => `v1,${signatureOf(signed, secret)}`).join(" "),
  };
}

function signatureOf(signed: string, secret: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return createHmac("sha256", key).update(signed).digest("base64");
}

/**
 * Posts a message. Only the address that was checked is dialled, and redirects are not followed.
 * @throws NesonError `webhook-refused` (peer) unless the answer is 2xx; or what resolving throws
 */
export async function postWebhook(
  to: { url: string; secrets: readonly string[]; allowPrivate: boolean },
  message: WebhookMessage,
  resolver: OriginResolver,
): Promise<void> {
  const url = new URL(to.url);
  const addresses = await resolver.addressesOf(url.hostname.replace(/^\[|\]$/g, ""), to.allowPrivate);
  const status = await post(url, addresses, {
    ...webhookFields(message, to.secrets),
    body: message.body,
  });
  if (status >= 200 && status < 300) return;
  throw new NesonError("webhook-refused", `the webhook answered ${status}; allowed: 200 to 299`, { fault: "peer" });
}

function post(
  url: URL,
  addresses: Awaited<ReturnType<OriginResolver["addressesOf"]>>,
  { body, ...fields }: Record<string, string>,
): Promise<number> {
  const [first] = addresses;
  if (first === undefined) throw new Error("no address was found");
  const client = url.protocol === "https:" ? https : http;
  return new Promise((resolve, reject) => {
    const request = client.request(url, {
      method: "POST",
      agent: false,
      signal: AbortSignal.timeout(POST_MS),
      headers: { ...fields, "Content-Type": "application/json", "User-Agent": "NESON" },
      lookup: (_host, options, done) =>
        options.all === true ? done(null, addresses) : done(null, first.address, first.family),
    });
    request.on("error", reject);
    request.on("response", (response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    request.end(body);
  });
}
