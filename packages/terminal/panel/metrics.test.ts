import { expect, test } from "bun:test";
import { startPanel } from "./testing/start-panel.ts";

interface Family {
  help: string;
  type: string;
  samples: Map<string, number>;
}

/** Reads the Prometheus text format 0.0.4 as far as a Terminal uses it; throws at any other line. */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const help = /^# HELP (\S+) (\S.*)$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge)$/.exec(line);
    const sample = /^([a-z_]+)(\{[^}]*\})? (-?[\d.e+-]+)$/.exec(line);
    if (help !== null) families.set(help[1] ?? "", { help: help[2] ?? "", type: "", samples: new Map() });
    else if (type !== null) (families.get(type[1] ?? "") as Family).type = type[2] ?? "";
    else if (sample !== null) families.get(sample[1] ?? "")?.samples.set(sample[2] ?? "", Number(sample[3]));
    else throw new Error(`not a line of the format: ${line}`);
  }
  return families;
}

async function scrape(url: string) {
  const response = await fetch(`${url}/metrics`);
  return { type: response.headers.get("content-type"), families: parse(await response.text()) };
}

test("/metrics names every metric after the Terminal, with a help text, counters ending in _total", async () => {
  await using started = await startPanel();
  const { type, families } = await scrape(started.panel.url);
  expect(type).toContain("text/plain; version=0.0.4");
  expect(families.size).toBeGreaterThan(25);
  for (const [name, { help, type: kind }] of families) {
    expect(name).toStartWith("neson_terminal_");
    expect(help).toEndWith(".");
    expect(name.endsWith("_total")).toBe(kind === "counter");
  }
});

test("/metrics says what the sources say", async () => {
  await using started = await startPanel();
  const { families } = await scrape(started.panel.url);
  const value = (name: string, labels = "") => families.get(`neson_terminal_${name}`)?.samples.get(labels);
  expect(value("answers_total", '{outcome="memory"}')).toBe(812_345);
  expect(value("sent_bytes_total", '{outcome="memory"}')).toBe(3_210_987_654_321);
  expect(value("router_connected")).toBe(1);
  expect(value("open_transfers")).toBe(38);
  expect(value("storage_quota_bytes")).toBe(200 * 1024 ** 3);
  expect(value("objects", '{state="partial"}')).toBe(4);
  expect(value("saves_refused", '{reason="disk-full"}')).toBe(0);
  expect(value("track_score", '{track="offline"}')).toBe(7.1);
  expect(value("warnings", '{level="warning"}')).toBe(1);
  expect(value("warning", '{code="track-offline",level="warning"}')).toBe(1);
  expect(value("resident_memory_bytes")).toBeGreaterThan(1e6);
});

test("/metrics leaves out what is not known rather than calling it 0", async () => {
  await using started = await startPanel({ standing: () => undefined });
  const { families } = await scrape(started.panel.url);
  for (const name of ["paid_bytes_total", "day_paid_bytes", "track_score", "certificate_expiry_timestamp_seconds"]) {
    expect([name, families.get(`neson_terminal_${name}`)?.samples.size]).toEqual([name, 0]);
  }
});

test("/metrics forgets a warning that is over", async () => {
  let isConnected = false;
  await using started = await startPanel({ connection: () => ({ isConnected }) });
  const codes = async () => [
    ...((await scrape(started.panel.url)).families.get("neson_terminal_warning")?.samples.keys() ?? []),
  ];
  expect((await codes()).join()).toContain("not-connected");
  isConnected = true;
  expect((await codes()).join()).not.toContain("not-connected");
});
