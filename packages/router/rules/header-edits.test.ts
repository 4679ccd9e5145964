import { expect, test } from "bun:test";
import { rewriteSettingsSchema } from "../sites/rewrite-settings.ts";
import { editedHeaders, requestChanges } from "./header-edits.ts";

type Edit = { name: string; set?: string; add?: string; remove?: true };

function responseEdits(...responseHeaders: Edit[]) {
  return rewriteSettingsSchema.parse({ responseHeaders }).responseHeaders;
}

test("editedHeaders() sets, adds and removes in order, by names without case", () => {
  const headers = ["Server", "nginx", "X-A", "1", "x-a", "2", "Content-Length", "5"];
  const edits = responseEdits(
    { name: "x-a", set: "3" },
    { name: "X-A", add: "4" },
    { name: "server", remove: true },
    { name: "Link", add: "</a.css>; rel=preload" },
  );
  expect(editedHeaders(headers, edits)).toEqual([
    ...["Content-Length", "5", "x-a", "3", "X-A", "4", "Link", "</a.css>; rel=preload"],
  ]);
  expect(headers.length).toBe(8);
});

test("editedHeaders() never lets anyone keep what said no-store", () => {
  const edits = responseEdits(
    ...["Cache-Control", "CDN-Cache-Control", "Expires", "Surrogate-Control", "Pragma"].map((name) => ({
      name,
      set: "max-age=9",
    })),
    { name: "X-B", set: "1" },
  );
  for (const value of ["no-store", "private, No-Store", "no-store,max-age=1"]) {
    expect(editedHeaders(["cache-control", value], edits)).toEqual(["cache-control", value, "X-B", "1"]);
  }
  expect(
    editedHeaders(["Cache-Control", "no-cache"], responseEdits({ name: "cache-control", set: "max-age=9" })),
  ).toEqual(["cache-control", "max-age=9"]);
});

test("requestChanges() tells what is gone from what only the origin gets", () => {
  const { requestHeaders } = rewriteSettingsSchema.parse({
    requestHeaders: [
      { name: "X-Secret", set: "a" },
      { name: "X-Secret", set: "b" },
      { name: "X-More", add: "c" },
      { name: "Cookie", remove: true },
    ],
  });
  expect(requestChanges(requestHeaders)).toEqual({
    without: new Set(["x-secret", "cookie"]),
    forOrigin: ["X-Secret", "b", "X-More", "c"],
  });
});

test("the schema refuses fields that frame, route or speak for the network, and values that could end a line", () => {
  const shared = [
    "Content-Length",
    "transfer-encoding",
    "Connection",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Upgrade",
    "Via",
    "Content-Range",
  ];
  const inRequests = [
    ...shared,
    "Host",
    "Expect",
    "X-Forwarded-For",
    "Forwarded",
    "Range",
    "If-None-Match",
    "Sec-Fetch-Mode",
  ];
  const inResponses = [
    ...shared,
    "Location",
    "ETag",
    "Vary",
    "Age",
    "Cache-Status",
    "Repr-Digest",
    "Digest",
    "Content-Encoding",
  ];
  const refusedIn = (group: string, edit: Edit) => !rewriteSettingsSchema.safeParse({ [group]: [edit] }).success;
  for (const name of inRequests) expect([name, refusedIn("requestHeaders", { name, set: "x" })]).toEqual([name, true]);
  for (const name of [...inResponses, "Access-Control-Allow-Origin", "X-Neson-Trace", ":status", "a b", ""])
    expect([name, refusedIn("responseHeaders", { name, set: "x" })]).toEqual([name, true]);
  for (const value of ["a\r\nSet-Cookie: b", "a\nb", "a\0b", " a", "a ", "", "é", "a\tb", "x".repeat(5000)])
    expect([value, refusedIn("responseHeaders", { name: "X-A", set: value })]).toEqual([value, true]);
  expect(refusedIn("responseHeaders", { name: "Link", set: "x" })).toBe(true);
  expect(refusedIn("responseHeaders", { name: "Link", remove: true })).toBe(true);
  expect(refusedIn("responseHeaders", { name: "X-A" })).toBe(true);
  expect(refusedIn("responseHeaders", { name: "X-A", set: "1", add: "2" })).toBe(true);
  expect(refusedIn("requestHeaders", { name: "Authorization", set: "Bearer abc" })).toBe(false);
  expect(refusedIn("responseHeaders", { name: "Strict-Transport-Security", set: "max-age=63072000" })).toBe(false);
});
