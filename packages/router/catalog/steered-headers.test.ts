import { expect, test } from "bun:test";
import { headerListSchema } from "@neson/protocol/manifest";
import fc from "fast-check";
import { steeredHeaders } from "./steered-headers.ts";

const CREATED_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const DATE = "Sun, 22 Nov 2026 11:59:30 GMT";

function listOf(headers: string[], lifetimeSeconds = 600): [string, string][] {
  return steeredHeaders({ headers, createdAtMs: CREATED_MS, lifetimeSeconds, reprDigest: "sha-256=:x:" });
}

test("steeredHeaders() keeps what describes the bytes and drops what speaks for the origin or one client", () => {
  const kept = [
    "Content-Type",
    "video/mp4",
    "ETag",
    '"1"',
    "Cache-Control",
    "max-age=600",
    "Date",
    DATE,
    "Link",
    "<a>",
  ];
  const dropped = [
    ...[
      "Set-Cookie",
      "a=b",
      "Server",
      "x",
      "Via",
      "1.1 y",
      "Age",
      "5",
      "Content-Length",
      "9",
      "Accept-Ranges",
      "bytes",
    ],
    ...["Content-Range", "bytes 0-1/2", "Alt-Svc", "h3", "Strict-Transport-Security", "max-age=1", "Vary", "Accept"],
  ];
  expect(listOf([...kept, ...dropped]).flat()).toEqual([
    ...kept,
    ...["Repr-Digest", "sha-256=:x:", "Access-Control-Allow-Origin", "*"],
  ]);
});

test("steeredHeaders() leaves the origin's own access rules and digest alone", () => {
  const own = ["access-control-allow-origin", "https://a.test", "Repr-Digest", "sha-512=:y:"];
  expect(listOf(own).flat()).toEqual(own);
});

test("steeredHeaders() does not change with each revalidation of a short-lived response", () => {
  const first = listOf(["Date", DATE, "Expires", DATE], 10);
  expect(listOf(["Date", "Sun, 22 Nov 2026 12:30:00 GMT", "Expires", "Sun, 22 Nov 2026 12:30:10 GMT"], 10)).toEqual(
    first,
  );
  // Older than it is, never fresher.
  expect(first.slice(0, 2)).toEqual([
    ["Date", "Sun, 22 Nov 2026 12:00:00 GMT"],
    ["Expires", "Sun, 22 Nov 2026 12:00:00 GMT"],
  ]);
});

test("steeredHeaders() always fits a manifest", () => {
  const name = fc.constantFrom("Link", "ETag", "Content-Type", "Date", "X-Other", "bad name");
  const value = fc.oneof(fc.string(), fc.constantFrom("x".repeat(9000), "x".repeat(8000), "a\r\nb", "caf\u00e9"));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 90 }), (fields) => {
      expect(headerListSchema.safeParse(listOf(fields.flat())).success).toBe(true);
    }),
  );
});
