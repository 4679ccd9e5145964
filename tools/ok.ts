// `npm run ok`: the gate. Formatting and lint, types, unused code, then every test; stops at the first step that fails.
// With --skip-tests only the checks run.
import { describeStep, runStep, type Step } from "./run-step.ts";
import { root } from "./source-files.ts";

const bin = `${root}/node_modules/.bin`;
const steps: Step[] = [
  { name: "biome (format, lint)", command: [`${bin}/biome`, "check", "--error-on-warnings", "."] },
  { name: "tsc (types)", command: [`${bin}/tsc`, "-p", "."] },
  { name: "knip (unused code)", command: [`${bin}/knip`, "--no-progress", "--no-config-hints"] },
];
if (!process.argv.includes("--skip-tests")) {
  steps.push({ name: "tests", command: [process.execPath, "tools/test.ts"], showOutput: true });
}

for (const step of steps) {
  const result = await runStep(step, root);
  console.log(describeStep(step, result));
  if (!result.ok) {
    if (!step.showOutput) console.error(result.output);
    process.exit(1);
  }
}
