import { NesonError } from "@neson/kit/error";
import { sentSiteSchema } from "@neson/router/api/sent-site";
import type { DeliveryRule } from "@neson/router/sites/rule-settings";
import type { Command } from "commander";
import { read } from "../api-client.ts";
import { addApiFlags, openApiOf, print } from "../api-flags.ts";
import { RULE_DOC, readRule, ruleCells } from "../site-rule.ts";
import { textTable } from "../text-table.ts";

interface RulesFlags extends Record<string, unknown> {
  rule?: DeliveryRule[];
  clear?: boolean;
}

/** `neson site rules NAME`: shows how a website's files are delivered, or says it anew. */
export function addSiteRules(site: Command): void {
  const command = site
    .command("rules")
    .description("show the delivery rules of a website, or put others in their place")
    .argument("<name>", "the site's short name")
    .option("--rule <rule>", RULE_DOC, (text: string, rules: DeliveryRule[] = []) => readRule(text, rules))
    .option("--clear", "take all rules away");
  addApiFlags(command).action(async (name: string, flags: RulesFlags) => {
    if (flags.clear === true && flags.rule !== undefined) {
      const message = "options --clear and --rule: found both, allowed: one of them";
      throw new NesonError("bad-option", message, { fault: "operator" });
    }
    const body = flags.clear === true ? [] : flags.rule;
    const path = `/sites/${encodeURIComponent(name)}/rules`;
    const api = await openApiOf(flags);
    const answer = await (body === undefined ? api.call("GET", path) : api.call("PUT", path, { body }));
    const rules = read(sentSiteSchema.shape.rules, answer);
    const none = `site ${name} has no rules of its own: the network's decide`;
    print(
      flags,
      rules,
      rules.length === 0 ? none : textTable(["path", "type", "bytes", "delivered"], rules.map(ruleCells)),
    );
  });
}
