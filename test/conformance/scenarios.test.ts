import { expect, test } from "bun:test";
import type { Ask } from "../../packages/router/edge/testbed.ts";
import { type Fate, type Script, type Stage, startStage, withDate } from "./stage.ts";

const CC = "Cache-Control";
const FRESH = [CC, "max-age=60"];
const TAG = ["ETag", '"1"'];

interface Step {
  /** Seconds that pass first. */
  after?: number;
  /** What the origin answers from here on. */
  origin?: Script;
  ask?: Ask;
  target?: string;
  fate: Fate;
  status?: number;
  body?: string;
  has?: Record<string, string>;
  lacks?: string[];
}

/** "T" stands for a target of the scenario's own. */
type Scenario = [section: string, name: string, steps: Step[]];

const HEAD = { method: "HEAD" };
const accept = (value: string): Ask => ({ headers: { Accept: value } });
const language = (value: string): Ask => ({ headers: { "Accept-Language": value } });
const condition = (name: string, value: string): Ask => ({ headers: { [name]: value } });
const stored: Step = { origin: { headers: FRESH }, fate: "asked" };
const tagged: Step = { origin: { headers: [...FRESH, ...TAG] }, fate: "asked" };

const STATUSES: Scenario[] = [200, 203, 204, 301, 302, 307, 308, 404, 405, 410, 414, 451, 500, 501, 503, 599].map(
  (status): Scenario => [
    "9111 3",
    `stores ${status} with stated freshness`,
    [
      { origin: { status, headers: FRESH, body: status === 204 ? "" : "x" }, fate: "asked", status },
      { fate: "hit", status },
    ],
  ],
);

const UNSAFE: Scenario[] = ["POST", "PUT", "DELETE", "PATCH", "PROPPATCH", "LOCK"].map(
  (method): Scenario => [
    "9111 4.4",
    `${method} makes what is stored worthless when it succeeds, and only then`,
    [
      stored,
      { origin: { status: 500 }, ask: { method }, fate: "asked", status: 500 },
      { fate: "hit" },
      { origin: { status: 204, headers: FRESH, body: "" }, ask: { method }, fate: "asked", status: 204 },
      { fate: "asked" },
    ],
  ],
);

const VALIDATION: Scenario[] = [
  [
    "9111 4.3.2",
    "If-None-Match",
    [tagged, { ask: condition("If-None-Match", '"1"'), fate: "hit", status: 304, body: "" }],
  ],
  [
    "9111 4.3.2",
    "If-None-Match, weakly",
    [tagged, { ask: condition("If-None-Match", 'W/"1"'), fate: "hit", status: 304 }],
  ],
  [
    "9111 4.3.2",
    "If-None-Match, list",
    [tagged, { ask: condition("If-None-Match", '"0", "1"'), fate: "hit", status: 304 }],
  ],
  [
    "9111 4.3.2",
    "If-None-Match, another",
    [tagged, { ask: condition("If-None-Match", '"2"'), fate: "hit", status: 200 }],
  ],
  ["9110 13.1.1", "If-Match, another", [tagged, { ask: condition("If-Match", '"2"'), fate: "hit", status: 412 }]],
  ["9110 9.3.2", "HEAD from GET", [stored, { ask: HEAD, fate: "hit", body: "", has: { "content-length": "7" } }]],
  [
    "9111 4.3.5",
    "HEAD renews what has no validator, if the length is the same",
    [
      stored,
      { after: 61, origin: { headers: [CC, "max-age=90", "Content-Length", "7"] }, ask: HEAD, fate: "asked", body: "" },
      { after: 80, fate: "hit", body: "content", has: { age: "80" } },
      {
        after: 20,
        origin: { headers: [...FRESH, "Content-Length", "9"] },
        ask: HEAD,
        fate: "asked",
        has: { "content-length": "9" },
      },
      { origin: { headers: FRESH, body: "other one" }, fate: "asked", body: "other one" },
    ],
  ],
  [
    "9111 4.3.4",
    "304 renews freshness and fields, not what describes the bytes",
    [
      { origin: { headers: [...FRESH, ...TAG, "Content-Type", "text/plain", "X-A", "1"] }, fate: "asked" },
      {
        after: 61,
        origin: { headers: [CC, "max-age=90", ...TAG, "Content-Type", "text/html", "X-A", "2"] },
        fate: "validated",
        has: { "x-a": "2", "content-type": "text/plain", "cache-control": "max-age=90", age: "0" },
        body: "content",
      },
      { after: 89, fate: "hit", has: { "x-a": "2", age: "89" } },
    ],
  ],
  [
    "9111 4.3.3",
    "a full answer to a validation replaces what is stored",
    [
      tagged,
      { after: 61, origin: { headers: [...FRESH, "ETag", '"2"'], body: "new" }, fate: "validated", body: "new" },
      { fate: "hit", body: "new" },
    ],
  ],
  [
    "9111 4.3.1",
    "a client's own condition does not reach a pull",
    [{ ...tagged, ask: condition("If-None-Match", '"9"') }, { fate: "hit" }],
  ],
];

const VARY: Scenario[] = [
  [
    "9111 4.1",
    "variants side by side",
    [
      { origin: { headers: [...FRESH, "Vary", "Accept"], body: "a" }, ask: accept("a"), fate: "asked" },
      { origin: { headers: [...FRESH, "Vary", "Accept"], body: "b" }, ask: accept("b"), fate: "asked", body: "b" },
      { ask: accept("a"), fate: "hit", body: "a" },
      { ask: accept("b"), fate: "hit", body: "b" },
      { fate: "asked" },
    ],
  ],
  [
    "9111 4.1",
    "several fields, absent ones included",
    [
      { origin: { headers: [...FRESH, "Vary", "Accept, X-A", "Vary", "X-B"] }, ask: accept("a"), fate: "asked" },
      { ask: accept("a"), fate: "hit" },
      { ask: { headers: { Accept: "a", "X-B": "1" } }, fate: "asked" },
    ],
  ],
  [
    "9111 4.1",
    "white space means nothing",
    [
      { origin: { headers: [...FRESH, "Vary", "X-A"] }, ask: condition("X-A", "1,2"), fate: "asked" },
      { ask: condition("X-A", "1 ,  2"), fate: "hit" },
      { ask: condition("X-A", "2, 1"), fate: "asked" },
    ],
  ],
  [
    "4647 2",
    "languages have no case",
    [
      { origin: { headers: [...FRESH, "Vary", "Accept-Language"] }, ask: language("en, de"), fate: "asked" },
      { ask: language("eN,De;q=1"), fate: "hit" },
      { ask: language("de"), fate: "asked" },
    ],
  ],
  [
    "9111 4.1",
    "encodings are asked for once for all",
    [
      {
        origin: { headers: [...FRESH, "Vary", "Accept-Encoding"] },
        ask: condition("Accept-Encoding", "br"),
        fate: "asked",
      },
      { ask: condition("Accept-Encoding", "identity"), fate: "hit" },
    ],
  ],
];

const INVALIDATION: Scenario[] = [
  ...["Location", "Content-Location"].map(
    (name): Scenario => [
      "9111 4.4",
      `${name} of a POST`,
      [
        { ...stored, target: "T/other" },
        { origin: { status: 201, headers: [name, "T/other"] }, ask: { method: "POST" }, fate: "asked", status: 201 },
        { target: "T/other", origin: { headers: FRESH }, fate: "asked" },
      ],
    ],
  ),
  [
    "9111 4.4",
    "Location at another host",
    [
      { ...stored, target: "T/other" },
      {
        origin: { status: 201, headers: ["Location", "http://else.test/T/other"] },
        ask: { method: "POST" },
        fate: "asked",
        status: 201,
      },
      { target: "T/other", fate: "hit" },
    ],
  ],
  ...["GET", "HEAD", "OPTIONS"].map(
    (method): Scenario => [
      "9110 9.2.1",
      `a safe ${method} leaves what is stored`,
      [stored, { ask: { method }, fate: method === "OPTIONS" ? "asked" : "hit" }, { fate: "hit" }],
    ],
  ),
];

const STALE: Scenario[] = [
  [
    "9111 4.2.4",
    "stands in for a broken connection",
    [stored, { after: 90, origin: { isDown: true }, fate: "asked", body: "content", has: { age: "90" } }],
  ],
  ["9111 4.3.3", "stands in for a 503", [stored, { after: 90, origin: { status: 503 }, fate: "asked", status: 200 }]],
  ["5861 4", "not for a 501", [stored, { after: 90, origin: { status: 501 }, fate: "asked", status: 501 }]],
  ...["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=60"].map(
    (directive): Scenario => [
      "9111 4.2.4",
      `${directive} forbids it`,
      [
        { origin: { headers: [CC, `max-age=60, ${directive}`, ...TAG] }, fate: "asked" },
        { after: 90, origin: { isDown: true }, fate: "validated", status: 502 },
      ],
    ],
  ),
  [
    "5861 4",
    "only for as long as stale-if-error says",
    [
      { origin: { headers: [CC, "max-age=60, stale-if-error=30"] }, fate: "asked" },
      { after: 89, origin: { status: 500 }, fate: "asked", status: 200 },
      { after: 10, fate: "asked", status: 500 },
    ],
  ],
  [
    "9111 5.2.1.7",
    "only-if-cached gets 504 when it may not",
    [stored, { after: 90, ask: condition(CC, "only-if-cached"), fate: "hit", status: 504 }],
  ],
  [
    "9111 5.2.1.7",
    "only-if-cached gets 504 when nothing is stored",
    [{ ask: condition(CC, "only-if-cached"), fate: "hit", status: 504 }],
  ],
];

const RANGES: Scenario[] = [
  [
    "9110 14.2",
    "a part of a stored whole",
    [
      stored,
      {
        ask: condition("Range", "bytes=1-3"),
        fate: "hit",
        status: 206,
        body: "ont",
        has: { "content-range": "bytes 1-3/7" },
      },
    ],
  ],
  ["9110 14.2", "its end", [stored, { ask: condition("Range", "bytes=-2"), fate: "hit", status: 206, body: "nt" }]],
  [
    "9110 15.5.17",
    "beyond it",
    [stored, { ask: condition("Range", "bytes=9-"), fate: "hit", status: 416, has: { "content-range": "bytes */7" } }],
  ],
  [
    "9110 14.2",
    "another unit",
    [stored, { ask: condition("Range", "lines=1-3"), fate: "hit", status: 200, body: "content" }],
  ],
  [
    "9110 14.2",
    "HEAD has none",
    [stored, { ask: { method: "HEAD", headers: { Range: "bytes=1-3" } }, fate: "hit", status: 200 }],
  ],
  [
    "9110 13.1.5",
    "If-Range holds",
    [tagged, { ask: { headers: { Range: "bytes=1-3", "If-Range": '"1"' } }, fate: "hit", status: 206 }],
  ],
  [
    "9110 13.1.5",
    "If-Range fails",
    [tagged, { ask: { headers: { Range: "bytes=1-3", "If-Range": '"2"' } }, fate: "hit", status: 200 }],
  ],
  [
    "9110 13.1.5",
    "If-Range needs a strong tag",
    [tagged, { ask: { headers: { Range: "bytes=1-3", "If-Range": 'W/"1"' } }, fate: "hit", status: 200 }],
  ],
];

const FIELDS: Scenario[] = [
  [
    "9110 7.6.1",
    "what belongs to the connection stays there",
    [
      {
        origin: {
          headers: [
            ...FRESH,
            "Connection",
            "X-A, close",
            "X-A",
            "1",
            "X-B",
            "2",
            "Keep-Alive",
            "timeout=9",
            "Proxy-Authenticate",
            "Basic",
          ],
        },
        fate: "asked",
        has: { "x-b": "2", via: "1.1 neson" },
        lacks: ["x-a", "proxy-authenticate"],
      },
      { fate: "hit", has: { "x-b": "2", via: "1.1 neson" }, lacks: ["x-a", "proxy-authenticate"] },
    ],
  ],
  [
    "9111 5.1",
    "Age counts on",
    [
      { origin: { headers: [...FRESH, "Age", "7"] }, fate: "asked", has: { age: "7" } },
      { after: 5, fate: "hit", has: { age: "12" } },
    ],
  ],
  [
    "9213 3.1",
    "CDN-Cache-Control goes on to the next cache",
    [
      {
        origin: { headers: ["CDN-Cache-Control", "max-age=60"] },
        fate: "asked",
        has: { "cdn-cache-control": "max-age=60" },
      },
      { fate: "hit", has: { "cdn-cache-control": "max-age=60" } },
    ],
  ],
  [
    "9110 9.3.1",
    "a GET with content is its origin's alone",
    [stored, { ask: { method: "GET", body: "x", headers: { "Content-Length": "1" } }, fate: "asked" }, { fate: "hit" }],
  ],
  [
    "9110 7.6.2",
    "Max-Forwards: 0 ends here",
    [
      { ask: { method: "OPTIONS", headers: { "Max-Forwards": "0" } }, fate: "hit", status: 204 },
      { ask: { method: "OPTIONS", headers: { "Max-Forwards": "2" } }, fate: "asked", status: 200 },
    ],
  ],
  ["9110 9.1", "an odd method passes", [{ ask: { method: "SEARCH" }, fate: "asked", status: 200 }]],
  ["9110 15", "an unknown status passes", [{ origin: { status: 299 }, fate: "asked", status: 299 }]],
];

const SCENARIOS = { STATUSES, UNSAFE, VALIDATION, VARY, INVALIDATION, STALE, RANGES, FIELDS };

async function play(stage: Stage, base: string, steps: readonly Step[]): Promise<string[]> {
  const faults: string[] = [];
  const own = (text: string) => text.replace(/^T/, base);
  for (const [i, step] of steps.entries()) {
    const target = own(step.target ?? "T");
    if (step.after !== undefined) await stage.clock.advance(step.after * 1000);
    if (step.origin !== undefined) {
      const headers = step.origin.headers?.map((value) => withDate(own(value), stage.clock)) ?? [];
      stage.script(target, { ...step.origin, headers });
    }
    const reply = await stage.ask(target, step.ask);
    const check = (what: string, found: unknown, expected: unknown) => {
      if (expected !== undefined && found !== expected)
        faults.push(`step ${i + 1}: ${what} is ${found}, expected ${expected}`);
    };
    check("fate", reply.fate, step.fate);
    check("status", reply.status, step.status);
    check("body", reply.body.toString(), step.body);
    for (const [name, value] of Object.entries(step.has ?? {})) check(name, reply.headers[name], value);
    for (const name of step.lacks ?? []) check(`${name} there`, name in reply.headers, false);
  }
  return faults;
}

for (const [group, scenarios] of Object.entries(SCENARIOS)) {
  test(`the Router keeps to the RFCs: ${group.toLowerCase()} (${scenarios.length} scenarios)`, async () => {
    await using stage = await startStage();
    const wrong: unknown[] = [];
    for (const [i, [section, name, steps]] of scenarios.entries()) {
      const faults = await play(stage, `/${group}/${i}`, steps);
      if (faults.length > 0) wrong.push([section, name, ...faults]);
    }
    expect(wrong).toEqual([]);
  }, 60_000);
}
