import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { NesonError } from "../error.ts";

/** A certificate chain, the server's own first, and its private key; both PEM. */
export interface TlsPair {
  cert: string;
  key: string;
}

/** Throws NesonError "bad-tls" (operator) saying which of the two is wrong, and how, unless a listener can use them now. */
export function checkTlsPair({ cert, key }: TlsPair, nowMs: number): void {
  const certificate = readCertificate(cert);
  if (!certificate.checkPrivateKey(readKey(key))) {
    throw badTls("the key does not fit the certificate, allowed: the key that the certificate was made for");
  }
  const name = certificate.subject.replaceAll("\n", ", ");
  if (nowMs > Date.parse(certificate.validTo)) {
    throw badTls(`the certificate (${name}) expired on ${certificate.validTo}, allowed: one that is valid now`);
  }
  if (nowMs < Date.parse(certificate.validFrom)) {
    throw badTls(`the certificate (${name}) is valid from ${certificate.validFrom} on, allowed: one that is valid now`);
  }
}

function readCertificate(cert: string): X509Certificate {
  if (!cert.includes("-----BEGIN CERTIFICATE-----")) {
    throw badTls('the certificate is not PEM, allowed: text that begins with "-----BEGIN CERTIFICATE-----"');
  }
  try {
    return new X509Certificate(cert);
  } catch (cause) {
    throw badTls("the certificate is damaged, allowed: a PEM certificate as its issuer gave it", cause);
  }
}

function readKey(key: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key)) {
    throw badTls('the key is not PEM, allowed: text that begins with "-----BEGIN PRIVATE KEY-----"');
  }
  try {
    return createPrivateKey(key);
  } catch (cause) {
    throw badTls("the key is damaged or has a password, allowed: a PEM private key without a password", cause);
  }
}

/** The error of a pair that cannot be used; `found` says what was found and what is allowed. */
export function badTls(found: string, cause?: unknown): NesonError {
  return new NesonError("bad-tls", `cannot serve HTTPS: ${found}`, { fault: "operator", cause });
}
