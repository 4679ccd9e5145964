/** `npm run soak -- [--seconds N] [--seed N]`: mixed traffic over an origin in and out of order; fails at any wrong byte, avoidable error or leak. */
import { parseArgs } from "node:util";
import { growthOf, soak } from "./soak.ts";

const MAX_GROWN_BYTES = 64 * 1_048_576;
const MAX_GROWN_FILES = 50;

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "600" }, seed: { type: "string", default: "1" } },
});
const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
if (!(seconds >= 20 && seconds <= 86_400) || !Number.isInteger(seed)) {
  process.stderr.write("usage: npm run soak -- [--seconds 20..86400] [--seed N]\n");
  process.exit(2);
}
const report = await soak({ seconds, seed }, (line) => process.stdout.write(`${line}\n`));
const growth = growthOf(report.router);
const grown = `${(growth.residentBytes / 1_048_576).toFixed(0)} MiB and ${growth.openFiles} open files`;
process.stdout.write(
  `${report.requests} requests, ${report.fromTerminals} answered by Terminals, ${report.originRequests} reached the origin; ` +
    `${report.allowedFailures} failed as they may; the Router grew by ${grown} from the second to the last quarter\n`,
);
for (const [violation, count] of report.violations) process.stdout.write(`${count} x ${violation}\n`);
const hasLeaked = growth.residentBytes > MAX_GROWN_BYTES || growth.openFiles > MAX_GROWN_FILES;
process.exit(report.violations.size > 0 || hasLeaked ? 1 : 0);
