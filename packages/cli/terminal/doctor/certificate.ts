import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { isIP } from "node:net";
import { describeError } from "@neson/kit/error";
import { type Finding, fail, ok, warn } from "./finding.ts";

const NAME = "certificate";
const DAY_MS = 86_400_000;
const SOON_DAYS = 14;
const MAX_FILE_BYTES = 1024 * 1024;

/** The files that were named, and the endpoint whose name the certificate must carry. */
export interface CertificatePlace {
  certFile: string | undefined;
  keyFile: string | undefined;
  endpoint: string | undefined;
}

/** Whether certificate and key can be read, belong together, are for the endpoint's host and good for a while. Undefined without TLS. */
export async function checkCertificate(place: CertificatePlace, nowMs: number): Promise<Finding | undefined> {
  const { certFile, keyFile, endpoint } = place;
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    return fail(NAME, "only one of the two files is named", "Give both --tls-cert and --tls-key.");
  }
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(await readPem(certFile));
  } catch (error) {
    return fail(NAME, `${certFile}: ${describeError(error)}`, "Give a PEM certificate chain that this user may read.");
  }
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(await readPem(keyFile)))) {
      return fail(NAME, `${keyFile} is not the key of ${certFile}`, "Name the two files of one renewal.");
    }
  } catch (error) {
    return fail(NAME, `${keyFile}: ${describeError(error)}`, "Give a PEM private key that this user may read.");
  }
  return hostProblem(certificate, endpoint) ?? checkExpiry(certificate.validToDate.getTime(), nowMs);
}

/** How long a certificate is still good. */
export function checkExpiry(expiresAtMs: number, nowMs: number): Finding {
  const days = Math.floor((expiresAtMs - nowMs) / DAY_MS);
  const on = new Date(expiresAtMs).toISOString().slice(0, 10);
  const remedy =
    "Renew it (certbot renew, or however it was made); the running Terminal takes the new files by itself.";
  if (expiresAtMs <= nowMs) return fail(NAME, `it ended on ${on}`, remedy);
  if (days < SOON_DAYS) return warn(NAME, `it ends in ${days} day${days === 1 ? "" : "s"}, on ${on}`, remedy);
  return ok(NAME, `good until ${on}`);
}

function hostProblem(certificate: X509Certificate, endpoint: string | undefined): Finding | undefined {
  if (endpoint === undefined) return undefined;
  const host = new URL(endpoint).hostname.replace(/^\[|\]$/g, "");
  const isFor = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  if (isFor !== undefined) return undefined;
  return fail(NAME, `it is not for ${host}, the endpoint's host`, "Get one for that name, or correct --endpoint.");
}

async function readPem(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes, allowed: ${MAX_FILE_BYTES}`);
  return readFile(path, "utf8");
}
