import { timingSafeEqual } from "node:crypto";
import type { ApiKeys } from "./api-keys.ts";
import type { Caller } from "./caller.ts";

// The caller that has the token of admin.json.
const OPERATOR: Caller = { id: "operator", name: "operator", scopes: ["admin"] };

const MAX_CHARS = 200;
const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

/** Who sends a request, by `Authorization: Bearer` (RFC 6750, section 2.1); undefined without a secret that opens anything. */
export async function authenticate(
  headers: Headers,
  { operatorToken, keys }: { operatorToken: string; keys: Pick<ApiKeys, "callerOf"> },
): Promise<Caller | undefined> {
  const field = headers.get("authorization") ?? "";
  const secret = field.length > MAX_CHARS ? undefined : BEARER.exec(field)?.[1];
  if (secret === undefined) return undefined;
  if (isEqual(secret, operatorToken)) return OPERATOR;
  return await keys.callerOf(secret);
}

function isEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
