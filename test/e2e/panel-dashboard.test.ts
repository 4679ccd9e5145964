import { expect, test } from "bun:test";
import { startPanel } from "../../packages/terminal/panel/testing/start-panel.ts";

interface Target {
  expr: string;
}
interface DashboardPanel {
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { uid: string };
  targets?: Target[];
}
interface Dashboard {
  uid: string;
  panels: DashboardPanel[];
  templating: { list: { name: string; type: string; definition?: string }[] };
}

const path = new URL("../../docs/operate/grafana/terminal.json", import.meta.url);
const dashboard: Dashboard = await Bun.file(path).json();
const charts = dashboard.panels.filter(({ type }) => type !== "row");

/** Metrics that an expression names; what stands in {} are labels. */
function metricsIn(expression: string): string[] {
  return expression.match(/\bneson_\w+/g) ?? [];
}

test("the Grafana dashboard and /metrics name the same metrics", async () => {
  await using started = await startPanel();
  const text = await (await fetch(`${started.panel.url}/metrics`)).text();
  const offered = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] ?? "");
  const definitions = dashboard.templating.list.map(({ definition = "" }) => definition);
  const expressions = charts.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const named = new Set([...expressions, ...definitions].flatMap(metricsIn));
  expect([...named].filter((name) => !offered.includes(name))).toEqual([]);
  expect(offered.filter((name) => !named.has(name))).toEqual([]);
});

test("the Grafana dashboard takes its data source from a variable, and its panels do not lie over each other", () => {
  expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
    ["datasource", "datasource"],
    ["instance", "query"],
  ]);
  for (const { title, datasource, targets = [] } of charts) {
    expect([title, datasource?.uid]).toEqual([title, "$" + "{datasource}"]);
    expect([title, targets.length > 0]).toEqual([title, true]);
    for (const { expr } of targets) expect(expr).toContain('instance=~"$instance"');
  }
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
});
