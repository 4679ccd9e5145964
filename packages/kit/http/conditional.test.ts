import { expect, test } from "bun:test";
import fc from "fast-check";
import { ifRangeHolds, isNotModified, preconditionFails } from "./conditional.ts";

const OLD = "Sun, 06 Nov 1994 08:49:37 GMT";
const NEW = "Mon, 07 Nov 1994 08:49:37 GMT";

test("isNotModified() compares If-None-Match weakly with every tag of the list", () => {
  const holds = (value: string, etag?: string) => isNotModified({ "if-none-match": value }, { etag });
  expect(holds('"a"', '"a"')).toBe(true);
  expect(holds('W/"a"', '"a"')).toBe(true);
  expect(holds('"a"', 'W/"a"')).toBe(true);
  expect(holds('"x", "a,b" ,W/"c"', '"a,b"')).toBe(true);
  expect(holds("*", undefined)).toBe(true);
  expect(holds('"b"', '"a"')).toBe(false);
  expect(holds('"A"', '"a"')).toBe(false);
  expect(holds("a", '"a"')).toBe(false);
  expect(holds('"a"', undefined)).toBe(false);
});

test("isNotModified() ignores If-Modified-Since where there is If-None-Match", () => {
  const headers = { "if-none-match": '"b"', "if-modified-since": NEW };
  expect(isNotModified(headers, { etag: '"a"', lastModified: OLD })).toBe(false);
});

test("isNotModified() compares If-Modified-Since with Last-Modified", () => {
  const holds = (since: string, lastModified?: string) =>
    isNotModified({ "if-modified-since": since }, { lastModified });
  expect(holds(OLD, OLD)).toBe(true);
  expect(holds(NEW, OLD)).toBe(true);
  expect(holds(OLD, NEW)).toBe(false);
  expect(holds("yesterday", OLD)).toBe(false);
  expect(holds(NEW, "yesterday")).toBe(false);
  expect(holds(NEW, undefined)).toBe(false);
  expect(isNotModified({}, { etag: '"a"', lastModified: OLD })).toBe(false);
});

test("ifRangeHolds() compares strongly, a date exactly", () => {
  expect(ifRangeHolds(undefined, {})).toBe(true);
  expect(ifRangeHolds('"a"', { etag: '"a"' })).toBe(true);
  expect(ifRangeHolds('W/"a"', { etag: 'W/"a"' })).toBe(false);
  expect(ifRangeHolds('"a"', { etag: 'W/"a"' })).toBe(false);
  expect(ifRangeHolds('"a"', {})).toBe(false);
  expect(ifRangeHolds(OLD, { lastModified: OLD })).toBe(true);
  expect(ifRangeHolds(NEW, { lastModified: OLD })).toBe(false);
  expect(ifRangeHolds(OLD, { lastModified: OLD, date: NEW })).toBe(true);
  expect(ifRangeHolds(OLD, { lastModified: OLD, date: OLD })).toBe(false);
});

test("preconditionFails() compares If-Match strongly and prefers it to If-Unmodified-Since", () => {
  expect(preconditionFails({ "if-match": '"a"' }, { etag: '"a"' })).toBe(false);
  expect(preconditionFails({ "if-match": "*" }, {})).toBe(false);
  expect(preconditionFails({ "if-match": '"b", "c"' }, { etag: '"a"' })).toBe(true);
  expect(preconditionFails({ "if-match": 'W/"a"' }, { etag: 'W/"a"' })).toBe(true);
  expect(preconditionFails({ "if-match": '"a"' }, {})).toBe(true);
  const both = { "if-match": '"a"', "if-unmodified-since": OLD };
  expect(preconditionFails(both, { etag: '"a"', lastModified: NEW })).toBe(false);
  expect(preconditionFails({ "if-unmodified-since": OLD }, { lastModified: NEW })).toBe(true);
  expect(preconditionFails({ "if-unmodified-since": NEW }, { lastModified: OLD })).toBe(false);
  expect(preconditionFails({ "if-unmodified-since": "soon" }, { lastModified: NEW })).toBe(false);
  expect(preconditionFails({}, { lastModified: NEW })).toBe(false);
});

const tag = fc.stringMatching(/^[!#-~]{0,12}$/).map((text) => `"${text}"`);

test("for any tags, a strong match implies a weak one, and a list matches as its members do", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), tag), { minLength: 1 }), fc.boolean(), tag, (list, weak, opaque) => {
      const tags = list.map(([isWeak, text]) => (isWeak ? `W/${text}` : text));
      const etag = weak ? `W/${opaque}` : opaque;
      const found = isNotModified({ "if-none-match": tags.join(", ") }, { etag });
      expect(found).toBe(tags.some((one) => isNotModified({ "if-none-match": one }, { etag })));
      for (const one of tags) if (ifRangeHolds(one, { etag })) expect(found).toBe(true);
    }),
  );
});

test("no header text makes the conditions throw or hold without validators", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(isNotModified({ "if-none-match": text, "if-modified-since": text }, {})).toBe(text.trim() === "*");
      expect(ifRangeHolds(text, {})).toBe(false);
    }),
  );
});
