import { NesonError } from "@neson/kit/error";
import type { DeliveryRule } from "@neson/router/sites/rule-settings";

const RULE = /^(type:)?(.+)=(router|redirect|verified)$/;

/**
 * Reads rules as people type them: `/members/*=router`, `type:video/*=redirect`.
 * @throws NesonError `bad-rule` (operator)
 */
export function readRule(text: string, rules: readonly DeliveryRule[]): DeliveryRule[] {
  const [, type, pattern, deliver] = RULE.exec(text) ?? [];
  if (pattern === undefined || (type === undefined && !/^[/*]/.test(pattern))) {
    const allowed = 'PATTERN=router, =redirect or =verified, such as "/members/*=router" or "type:video/*=redirect"';
    throw new NesonError("bad-rule", `option --rule: found ${JSON.stringify(text)}, allowed: ${allowed}`, {
      fault: "operator",
    });
  }
  const way = deliver as DeliveryRule["deliver"];
  return [...rules, type === undefined ? { path: pattern, deliver: way } : { type: pattern, deliver: way }];
}

/** What --rule says of itself. */
export const RULE_DOC =
  "PATH=HOW or type:TYPE=HOW, where HOW is router, redirect or verified; several, the first that matches decides";

/** A rule's condition and outcome, for tables. */
export function ruleCells({ path, type, minBytes, maxBytes, deliver }: DeliveryRule): string[] {
  const size = [minBytes === undefined ? "" : `≥ ${minBytes}`, maxBytes === undefined ? "" : `≤ ${maxBytes}`];
  return [path ?? "any", type ?? "any", size.filter((part) => part !== "").join(", ") || "any", deliver];
}
