import { expect, test } from "bun:test";
import { jsonLines } from "./json-lines.ts";
import { requestText } from "./log-line.ts";

const REQUEST = {
  ...{ time: "2026-11-23T08:15:02.000Z", site: "films", host: "films.test", method: "GET", target: "/a.mp4" },
  ...{ httpVersion: "1.1", status: 200, bytes: 2048, complete: true, durationMs: 12, answerMs: 3 },
  ...{ outcome: "hit" as const, clientNetwork: "192.0.2.0/24", country: "DE", steps: ["plan: hit, fresh"] },
};

test("requestText() is one line, and one more for each decision where they are wanted", () => {
  expect(requestText(REQUEST, false)).toBe(
    "08:15:02  200  hit             2.0 KiB      12 ms  192.0.2.0/24 DE         GET /a.mp4\n",
  );
  expect(requestText(REQUEST, true)).toEndWith("/a.mp4\n          plan: hit, fresh\n");
  expect(requestText({ ...REQUEST, complete: false, terminal: "ab".repeat(32) }, false)).toEndWith(
    "/a.mp4  → abababababab  (broken off)\n",
  );
});

test("requestText() lets nothing through that a terminal would obey", () => {
  const text = requestText({ ...REQUEST, target: `/\u001b[2J\n\u202e${"a".repeat(500)}`, method: "G\rT" }, false);
  expect(text.slice(0, -1)).toMatch(/^[\x20-\x7e…]*$/);
  expect(text.length).toBeLessThan(250);
});

async function* blocks(...texts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield typeof text === "string" ? Buffer.from(text) : text;
}

test("jsonLines() finds lines wherever blocks end, within a character too", async () => {
  const euro = Buffer.from('{"a":"€"}\n');
  const found: unknown[] = [];
  for await (const line of jsonLines(blocks('{"a":1}\n{"a"', ":2}\n\n", euro.subarray(0, 7), euro.subarray(7)))) {
    found.push(line);
  }
  expect(found).toEqual([{ a: 1 }, { a: 2 }, { a: "€" }]);
});

test("jsonLines() refuses lines that are no JSON or have no end", async () => {
  for (const text of ["<html>\n", "a".repeat(1_000_001)]) {
    const reading = (async () => {
      for await (const _ of jsonLines(blocks(text)));
    })();
    expect(await reading.catch((error) => error.code)).toBe("bad-answer");
  }
});
