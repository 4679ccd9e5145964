import { afterAll, beforeAll, expect, test } from "bun:test";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { openTestApi, type TestApi } from "./testing.ts";

let api: TestApi;

beforeAll(async () => {
  api = await openTestApi();
});

afterAll(() => api[Symbol.asyncDispose]());

test("GET /openapi.json is a document that the recommended rules find nothing wrong with", async () => {
  const { status, text, json } = await api.call("GET", "/openapi.json", { key: "" });
  expect([status, json.openapi]).toEqual([200, "3.1.0"]);
  const config = await createConfig({ extends: ["recommended-strict"] });
  const found = await lintFromString({ source: text, config });
  expect(found.map(({ ruleId, message, location }) => `${ruleId}: ${message} at ${location[0]?.pointer}`)).toEqual([]);
});

test("the linter would find a broken document", async () => {
  const { json } = await api.call("GET", "/openapi.json", { key: "" });
  const broken = structuredClone(json);
  delete broken.paths["/sites/{name}"].get.parameters;
  broken.paths["/sites"].get.responses["200"].content["application/json"].schema = { $ref: "#/components/schemas/No" };
  const config = await createConfig({ extends: ["recommended-strict"] });
  const rules = (await lintFromString({ source: JSON.stringify(broken), config })).map(({ ruleId }) => ruleId);
  expect(rules).toContain("path-parameters-defined");
  expect(rules).toContain("no-unresolved-refs");
});

test("GET /openapi.json is answered 304 to whoever has it", async () => {
  const first = await api.call("GET", "/openapi.json", { key: "" });
  const tag = first.headers.get("etag") ?? "";
  const again = await api.call("GET", "/openapi.json", { key: "", headers: { "If-None-Match": tag } });
  expect([again.status, again.text]).toEqual([304, ""]);
});

test("the type of every problem leads to an anchor of the problems page", async () => {
  const page = (await api.call("GET", "/problems", { key: "" })).text;
  const { json } = await api.call("GET", "/sites/none");
  expect(json.type).toBe("/api/v1/problems#no-such-site");
  for (const code of ["no-such-site", "no-such-call", "bad-input", "too-many-calls", "key-reused"]) {
    expect(page).toContain(`id="${code}"`);
  }
});
