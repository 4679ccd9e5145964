import type { AccessSettings } from "../sites/access-settings.ts";
import { AddressSet } from "./address-set.ts";
import type { Paths } from "./paths.ts";
import type { Refusal } from "./refusal.ts";
import { joinSignature, openSignature, type SignedRight, type SigningKey, signTarget } from "./url-signature.ts";

/** A request for a path that needs a signature. */
export interface SignedRequest {
  method: string;
  /** Without its signature. */
  target: string;
  paths: Paths;
  /** What was taken out of the target. */
  signature: string | undefined;
  clientAddress: string;
  nowMs: number;
}

const DEFAULT_METHODS = ["GET", "HEAD"];

/** Judges a signature: what it grants, or why it does not do. */
export function judgeSignature(
  request: SignedRequest,
  { keys }: NonNullable<AccessSettings["signing"]>,
): { right: SignedRight; key: SigningKey } | Refusal {
  const { signature, target, paths } = request;
  if (signature === undefined) return refused("this needs a signed URL", "signature-missing");
  const right = openSignature(signature, keys, target);
  const key = keys.find(({ id }) => id === signature.split(".", 1)[0]);
  if (right === undefined || key === undefined)
    return refused("the signature in this URL is not valid for it", "signature-invalid");
  const { prefix, client, methods = DEFAULT_METHODS } = right;
  if (right.expiresAtSeconds * 1000 <= request.nowMs)
    return refused("this signed URL has expired", "signature-expired");
  // However the origin reads the path, it must lie within.
  if (prefix !== undefined && !(paths.raw.startsWith(prefix) && paths.plain.startsWith(prefix)))
    return refused("the signature in this URL is for other paths", "signature-prefix");
  if (client !== undefined && !new AddressSet([client]).has(request.clientAddress))
    return refused("this URL was signed for a client elsewhere", "signature-client");
  if (!methods.includes(request.method)) return refused("this URL was not signed for this method", "signature-method");
  return { right, key };
}

/**
 * The target at which a Terminal sends the client back. Terminals are strangers, so they see no signature for more than what they deliver:
 * this one is for the one target, for the same client and no longer than the one that came.
 */
export function narrowed(target: string, { right, key }: { right: SignedRight; key: SigningKey }): string {
  const { prefix: _whole, ...one } = right;
  return joinSignature(target, signTarget(target, key, one), "query");
}

function refused(line: string, reason: string): Refusal {
  return { status: 403, line, reason };
}
