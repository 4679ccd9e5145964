import { expect, test } from "bun:test";
import { describeStep, runStep } from "./run-step.ts";

const script = (code: string) => ({ name: "demo", command: [process.execPath, "-e", code] });

test("runStep() gives the outcome and everything printed", async () => {
  const good = await runStep(script(`console.log("out"); console.error("err")`), ".");
  expect(good).toMatchObject({ ok: true, output: "out\nerr\n" });
  expect(await runStep(script(`console.log("why"); process.exit(3)`), ".")).toMatchObject({
    ok: false,
    output: "why\n",
  });
});

test("describeStep() is one line with outcome, name and time", () => {
  expect(describeStep(script(""), { ok: true, output: "", seconds: 1.25 })).toMatch(/^ok {3}demo 1\.[23] s$/);
  expect(describeStep(script(""), { ok: false, output: "", seconds: 0 })).toBe("FAIL demo 0.0 s");
});
