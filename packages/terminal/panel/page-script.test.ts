import { expect, test } from "bun:test";
import { joinScripts } from "./page-script.ts";

test("joinScripts() lets files use each other's exports and keep their own names to themselves", async () => {
  const joined = joinScripts([
    {
      name: "./one.js",
      text: "const LIMIT = 3;\nexport const double = (n) => n * 2;\nexport function cap(n) {\n  return Math.min(n, LIMIT);\n}\n",
    },
    {
      name: "./two.js",
      text: 'import { cap, double } from "./one.js";\n\nconst LIMIT = 9;\nexport async function run(n) {\n  return [double(n), cap(n), LIMIT];\n}\n',
    },
    { name: "./three.js", text: 'import {\n  run,\n} from "./two.js";\nresult = run(5);\n' },
  ]);
  const result = new Function(`let result;\n${joined}\nreturn result;`)();
  expect(await result).toEqual([10, 3, 9]);
});
