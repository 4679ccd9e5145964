import { expect, test } from "bun:test";
import { isDisguised } from "./deception.ts";

const CASES: [target: string | undefined, status: number, contentType: string | undefined, expected: boolean][] = [
  ["/account/x.css", 200, "text/html; charset=utf-8", true],
  ["/account/x.CSS?y=1", 200, "Text/HTML", true],
  ["/account;x.js", 200, "text/html", true],
  ["/account%2fx.png", 200, "text/html", true],
  ["/account/x%2ejpg", 200, "application/json", true],
  ["/account/x.css", 200, "text/css", false],
  ["/account/x.css", 200, undefined, false],
  ["/account/x.css", 404, "text/html", false],
  ["/account", 200, "text/html", false],
  ["/page.html", 200, "text/html", false],
  ["/data.json", 200, "application/json", false],
  ["/app.js.map", 200, "application/json", false],
  ["/a?file=x.css", 200, "text/html", false],
  ["/v1.2", 200, "text/html", false],
  [undefined, 200, "text/html", false],
];

test("isDisguised() finds pages under the names of static files", () => {
  for (const [target, status, contentType, expected] of CASES) {
    const headers = contentType === undefined ? [] : ["Content-Type", contentType];
    expect([target, status, contentType, isDisguised(target, { status, headers })]).toEqual([
      target,
      status,
      contentType,
      expected,
    ]);
  }
});
