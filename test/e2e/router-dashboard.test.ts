import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type Running, start, temporaryDirectory } from "./network.ts";

// The Router's metrics, as Prometheus reads them of a running one, and the dashboard that shows them.

interface DashboardPanel {
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { uid: string };
  targets?: { expr: string }[];
}
interface Dashboard {
  panels: DashboardPanel[];
  templating: { list: { name: string; type: string; definition?: string }[] };
}

const dashboard: Dashboard = await Bun.file(new URL("../../docs/operate/grafana/router.json", import.meta.url)).json();
const charts = dashboard.panels.filter(({ type }) => type !== "row");
const parts = new AsyncDisposableStack();
let page = "";

beforeAll(async () => {
  const directory = parts.use(await temporaryDirectory()).path;
  const origin = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("x".repeat(1000)) });
  parts.defer(() => origin.stop(true));
  const site = { name: "s", hosts: ["s.test"], origin: `http://127.0.0.1:${origin.port}`, allowPrivateOrigin: true };
  await Bun.write(join(directory, "sites.json"), JSON.stringify({ sites: [site] }));
  const places = ["--data", join(directory, "router"), "--sites", join(directory, "sites.json")];
  const ports = ["--listen-port", "0", "--control-port", "0", "--metrics-from", "127.0.0.0/8"];
  const router: Running = parts.use(start(["router", "run", ...places, ...ports], join(directory, "ready.json")));
  const { url, controlUrl } = await router.ready<{ url: string; controlUrl: string }>();
  for (let i = 0; i < 3; i++) await (await fetch(`${url}/a`, { headers: { Host: "s.test" } })).bytes();
  page = await (await fetch(`${controlUrl}/metrics`)).text();
}, 30_000);

afterAll(() => parts.disposeAsync());

/** A metric's names in expressions: those of a histogram have endings. */
function namesOf(name: string, type: string): string[] {
  return type === "histogram" ? ["bucket", "sum", "count"].map((ending) => `${name}_${ending}`) : [name];
}

/** Every sample as "name{labels}" → value. @throws Error at a line that the text format 0.0.4 does not allow */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  expect(text).toEndWith("\n");
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "" || /^# (HELP|TYPE) [a-z_]+ \S/.test(line)) continue;
    const sample = /^([a-z_]+(?:\{[a-z]+="[^"\\\n]*"(?:,[a-z]+="[^"\\\n]*")*\})?) (-?[0-9.e+-]+)$/.exec(line);
    if (sample === null) throw new Error(`no sample: ${line}`);
    const [, name = "", value = ""] = sample;
    expect([name, samples.has(name)]).toEqual([name, false]);
    samples.set(name, Number(value));
  }
  return samples;
}

test("/metrics is in the Prometheus text format, and counts what was asked", () => {
  const samples = samplesOf(page);
  expect(samples.get("neson_router_requests_total")).toBe(3);
  expect(samples.get("neson_router_sent_bytes_total")).toBe(3000);
  expect(samples.get('neson_router_answer_seconds_bucket{le="+Inf",outcome="miss"}')).toBeGreaterThan(0);
  expect(samples.get("neson_router_resident_memory_bytes")).toBeGreaterThan(1e7);
  for (const [name, value] of samples) expect([name, Number.isFinite(value) && value >= 0]).toEqual([name, true]);
  const declared = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  const allowed = new Set(declared.flatMap(([, name = "", type = ""]) => namesOf(name, type)));
  for (const name of samples.keys()) expect([name, allowed.has(name.replace(/\{.*/, ""))]).toEqual([name, true]);
});

test("the Grafana dashboard and /metrics name the same metrics", () => {
  const declared = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  const offered = declared.flatMap(([, name = "", type = ""]) => namesOf(name, type));
  const definitions = dashboard.templating.list.map(({ definition = "" }) => definition);
  const expressions = charts.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const named = new Set([...expressions, ...definitions].flatMap((text) => text.match(/\bneson_\w+/g) ?? []));
  expect([...named].filter((name) => !offered.includes(name))).toEqual([]);
  expect(offered.filter((name) => !named.has(name))).toEqual([]);
});

test("the dashboard takes its data source and Router from variables, and its panels do not lie over each other", () => {
  expect(dashboard.templating.list.map(({ name }) => name)).toEqual(["datasource", "instance"]);
  const taken = new Set<string>();
  for (const { title, gridPos } of dashboard.panels) {
    expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect([title, taken.has(`${x},${y}`)]).toEqual([title, false]);
        taken.add(`${x},${y}`);
      }
    }
  }
  for (const { title, datasource, targets = [] } of charts) {
    expect([title, datasource?.uid, targets.length > 0]).toEqual([title, "$" + "{datasource}", true]);
    for (const { expr } of targets) expect(expr).toContain('instance=~"$instance"');
  }
});
