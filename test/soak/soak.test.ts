import { expect, test } from "bun:test";
import { judge } from "./judge.ts";
import { bytesOf, PAGES, type Page } from "./pages.ts";
import { soak } from "./soak.ts";

const SECONDS = 33;

test("a network under mixed traffic gives no wrong byte and no avoidable error while its origin fails in every way", async () => {
  const report = await soak({ seconds: SECONDS, seed: 1 }, () => {});
  expect([...report.violations]).toEqual([]);
  expect(report.requests).toBeGreaterThan(500);
  expect(report.fromTerminals).toBeGreaterThan(20);
  expect(report.allowedFailures).toBeGreaterThan(0);
}, 120_000);

test("judge() finds wrong bytes, broken bodies and avoidable errors", () => {
  const page = PAGES[0] as Page;
  const asked = { method: "GET" as const, path: page.path, headers: {} };
  const body = bytesOf(page.path, 0, page.size - 1);
  const whole = { status: 200, headers: {}, body, wasCut: false, isFromTerminal: false };
  const fine = { wasFaulty: false, wasStored: false };
  const faulty = { wasFaulty: true, wasStored: false };
  const altered = Buffer.from(body);
  altered[5] = (altered[5] ?? 0) ^ 1;
  expect(judge(asked, whole, page, fine)).toBeUndefined();
  expect(judge(asked, { ...whole, body: altered }, page, faulty)).toContain("wrong bytes");
  expect(judge(asked, { ...whole, body: body.subarray(1) }, page, fine)).toContain("wrong bytes");
  expect(judge(asked, { ...whole, wasCut: true }, page, fine)).toContain("broke off");
  expect(judge(asked, { ...whole, wasCut: true }, page, faulty)).toBeUndefined();
  expect(judge(asked, { ...whole, status: 502 }, page, fine)).toContain("could be avoided");
  expect(judge(asked, { ...whole, status: 502 }, page, faulty)).toBeUndefined();
  expect(judge(asked, { ...whole, status: 502 }, page, { wasFaulty: true, wasStored: true })).toContain(
    "could be avoided",
  );
});
