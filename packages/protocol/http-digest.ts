/** Value of the `Digest` field (RFC 3230; aria2 checks this one) for a SHA-256 given as 64 hex characters. */
export function digestHeader(sha256: string): string {
  return `SHA-256=${base64Of(sha256)}`;
}

/** Value of the `Repr-Digest` field (RFC 9530 section 3) for a SHA-256 given as 64 hex characters. */
export function reprDigestHeader(sha256: string): string {
  return `sha-256=:${base64Of(sha256)}:`;
}

function base64Of(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}
