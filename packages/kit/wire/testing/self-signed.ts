import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { TlsPair } from "../tls-pair.ts";

const DAY_MS = 86_400_000;

/** Object identifiers, DER content. */
const ECDSA_SHA256 = Buffer.from("2a8648ce3d040302", "hex");
const COMMON_NAME = Buffer.from("550403", "hex");
const ALT_NAMES = Buffer.from("551d11", "hex");

/** A self-signed P-256 certificate for 127.0.0.1 and `name` (RFC 5280 section 4.1), and its key. Valid for a week unless told otherwise. */
export function selfSigned(name: string, fromMs = Date.now() - DAY_MS, toMs = fromMs + 7 * DAY_MS): TlsPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const algorithm = sequence(der(0x06, ECDSA_SHA256));
  const subject = sequence(der(0x31, sequence(der(0x06, COMMON_NAME), der(0x0c, Buffer.from(name)))));
  const altNames = sequence(der(0x82, Buffer.from(name)), der(0x87, Buffer.from([127, 0, 0, 1])));
  const toSign = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    subject,
    sequence(timeOf(fromMs), timeOf(toMs)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(sequence(der(0x06, ALT_NAMES), der(0x04, altNames)))),
  );
  const signature = sign("sha256", toSign, privateKey);
  const certificate = sequence(toSign, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}

/** SHA-256 of a PEM certificate's DER, in hex: tells which one a server showed. */
export function fingerprintOf(cert: string): string {
  const base64 = cert.replace(/-----[^-]+-----|\s/g, "");
  return createHash("sha256").update(Buffer.from(base64, "base64")).digest("hex");
}

/** GeneralizedTime, which RFC 5280 wants only from 2050 on, is read everywhere. */
function timeOf(timeMs: number): Buffer {
  const text = new Date(timeMs).toISOString().replace(/[-:T]|\.\d+/g, "");
  return der(0x18, Buffer.from(text));
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
