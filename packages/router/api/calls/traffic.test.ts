import { afterEach, beforeEach, expect, test } from "bun:test";
import { addFigures } from "../../traffic/figure-tables.ts";
import { openTestApi, type TestApi } from "../testing.ts";

const FILMS = { name: "films", hosts: ["films.test"], origin: "https://origin.test" };
/** 2027-01-15T08:00:00Z, as the API's clock. */
const NOW = 1_800_000_000;
let api: TestApi;

beforeEach(async () => {
  api = await openTestApi();
  await api.call("POST", "/sites", { body: FILMS });
});

afterEach(() => api[Symbol.asyncDispose]());

const add = (atSeconds: number, by: "total" | "country" | "status", value: string, requests: number, bytes: number) =>
  addFigures(api.db, { site: "films", atSeconds, counts: [{ dimension: by, value, requests, bytes }] });

test("getStats tells steps in which something happened, of a span widened to whole steps", async () => {
  await add(NOW - 7200, "total", "", 3, 300);
  await add(NOW - 60, "total", "", 2, 50);
  await add(NOW - 90_000, "total", "", 9, 9);
  const { json } = await api.call("GET", "/sites/films/stats?step=hour");
  expect(json).toEqual({
    ...{ site: "films", from: "2027-01-14T08:00:00.000Z", to: "2027-01-15T09:00:00.000Z", step: "hour", by: "total" },
    figures: [
      { at: "2027-01-15T06:00:00.000Z", requests: 3, bytes: 300 },
      { at: "2027-01-15T07:00:00.000Z", requests: 2, bytes: 50 },
    ],
  });
});

test("getStats chooses the step by the span", async () => {
  const stepOf = async (query: string) => (await api.call("GET", `/sites/films/stats?${query}`)).json.step;
  expect(await stepOf("from=2027-01-15T06:00:00Z")).toBe("minute");
  expect(await stepOf("")).toBe("hour");
  expect(await stepOf("from=2026-06-01T00:00:00Z")).toBe("day");
  expect(await stepOf("from=2027-01-15T00:00:00%2B02:00&to=2027-01-15T01:00:00%2B02:00")).toBe("minute");
});

test("getStatsTable gives the same as CSV, with nothing that a spreadsheet would run or take apart", async () => {
  await add(NOW - 60, "country", "DE", 2, 50);
  await add(NOW - 60, "country", '=SUM("a",1)', 1, 5);
  const { text, headers } = await api.call("GET", "/sites/films/stats.csv?by=country&step=minute");
  expect(headers.get("content-type")).toBe("text/csv; charset=utf-8");
  expect(text).toBe(
    [
      "at,country,requests,bytes",
      `2027-01-15T07:59:00.000Z,"'=SUM(""a"",1)",1,5`,
      "2027-01-15T07:59:00.000Z,DE,2,50",
      "",
    ].join("\r\n"),
  );
  expect((await api.call("GET", "/sites/films/stats.csv")).text).toBe("at,requests,bytes\r\n");
});

test("getStats refuses spans that end before they begin, and answers without end", async () => {
  const backwards = await api.call("GET", "/sites/films/stats?from=2027-01-15T07:00:00Z&to=2027-01-15T06:00:00Z");
  expect([backwards.status, backwards.json.errors[0].field]).toEqual([400, "query.from"]);
  for (const query of ["from=yesterday", "step=year", "by=path", "from=2027-01-15"]) {
    expect([query, (await api.call("GET", `/sites/films/stats?${query}`)).status]).toEqual([query, 400]);
  }
  for (let minute = 0; minute < 21; minute++) {
    const counts = Array.from({ length: 1000 }, (_, at) => ({
      ...{ dimension: "status" as const, value: `v${at}`, requests: 1, bytes: 1 },
    }));
    await addFigures(api.db, { site: "films", atSeconds: NOW - minute * 60, counts });
  }
  const endless = await api.call("GET", "/sites/films/stats?by=status&step=minute");
  expect([endless.status, endless.json.code]).toEqual([400, "too-many-figures"]);
  expect((await api.call("GET", "/sites/films/stats?by=status&step=hour")).status).toBe(200);
}, 30_000);

test("readLog is refused when too many read, and what its filters cannot mean", async () => {
  const stop = new AbortController();
  const { live } = api.watched;
  const readers = [1, 2].map(() => live.read({ site: "films" }, stop.signal));
  const waiting = readers.map((reader) => reader.next());
  const refused = await api.call("GET", "/sites/films/logs");
  expect([refused.status, refused.json.code]).toEqual([503, "too-many-readers"]);
  stop.abort();
  await Promise.all(waiting);
  expect((await api.call("GET", "/sites/films/logs")).status).toBe(200);
  for (const query of ["status=6xx", "status=40", "path=a", "country=germany", "method=get", "outcome=luck", "x=1"]) {
    expect([query, (await api.call("GET", `/sites/films/logs?${query}`)).status]).toEqual([query, 400]);
  }
  expect(live.readers).toBe(0);
});
