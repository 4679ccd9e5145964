import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { noCounts } from "../../packages/terminal/panel/outcomes.ts";
import { realisticSources } from "../../packages/terminal/panel/testing/realistic-sources.ts";
import { startPanel, type TestPanel } from "../../packages/terminal/panel/testing/start-panel.ts";
import { needs, pathOf } from "../needs.ts";

const hasChromium = needs("chromium");
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const WAIT_MS = 10_000;
const TEST_MS = 30_000;

/** As much of the browser's own things as the tests ask for. */
interface PageWindow {
  document: { documentElement: { scrollWidth: number; clientWidth: number } };
  shifts: number;
}

let browser: Browser;
beforeAll(async () => {
  if (hasChromium) browser = await chromium.launch({ executablePath: pathOf("chromium") ?? "", args: FLAGS });
});
afterAll(async () => {
  await browser?.close();
});

/** A tab on the panel, and everything it complains of or asks of others. */
async function open({ panel }: TestPanel, options: BrowserContextOptions = {}, url = panel.url) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith("data:") && !request.url().startsWith(panel.url))
      faults.push(`asked ${request.url()}`);
  });
  page.setDefaultTimeout(WAIT_MS);
  await page.goto(url);
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}

/** Waits until the page has drawn from an answer that came after now. */
async function refreshed(page: Page): Promise<void> {
  for (let i = 0; i < 2; i++) await page.waitForResponse((response) => response.url().endsWith("/api/status"));
}

async function text(page: Page, selector: string): Promise<string> {
  return (await page.locator(selector).textContent()) ?? "";
}

test.skipIf(!hasChromium)(
  "the panel draws traffic, hits, earnings, score, storage and machine, and asks nobody else for anything",
  async () => {
    await using started = await startPanel();
    await using tab = await open(started);
    const { page, faults } = tab;
    await refreshed(page);
    expect(await text(page, "#state-text")).toBe("Serving for 2 days");
    expect(await text(page, "#now-rate")).toMatch(/^\d+(\.\d+)? MiB\/s$/);
    expect(await page.locator("#now-chart path.line").getAttribute("d")).toMatch(/^M0\.0 [\d.]+(L[\d.]+ [\d.]+){599}$/);
    expect(await text(page, "#hits-ring svg")).toContain("97.0%");
    expect(await page.locator("#hits-legend li").count()).toBe(5);
    expect(await page.locator("#earned-chart rect.paid").count()).toBeGreaterThan(30);
    expect(await page.locator("#days-chart rect.memory").count()).toBeGreaterThan(40);
    expect(await text(page, "#tracks")).toMatch(
      /Wrong bytes[\s\S]+Missing objects[\s\S]+Not reachable[\s\S]+silent for 48 s/,
    );
    expect(await page.locator("#storage-map .tile.whole").count()).toBeGreaterThan(100);
    expect(await page.locator("#storage-map .tile.partial").count()).toBe(4);
    expect(await text(page, "#popular li:first-child")).toContain("48k");
    expect(await text(page, "#machine")).toContain("AMD Ryzen 5 5600G");
    expect(await text(page, "#facts")).toContain("https://router.example.com");
    expect(await page.locator("#controls").isVisible()).toBe(false);
    expect(faults).toEqual([]);
  },
  TEST_MS,
);

test.skipIf(!hasChromium)(
  "the panel follows what happens, warnings with their remedy first among it",
  async () => {
    let isConnected = true;
    let bytes = 1024;
    const lastRefusal = { code: "unreachable-endpoint", message: "it did not answer within 5 s", atMs: 1 };
    await using started = await startPanel({
      standing: () => undefined,
      connection: () => (isConnected ? { isConnected } : { isConnected, lastRefusal }),
      traffic: {
        ...realisticSources(() => Date.now()).traffic,
        recent: () => ({ answers: Array(600).fill(1), hits: Array(600).fill(1), bytes: Array(600).fill(bytes) }),
      },
    });
    await using tab = await open(started);
    const { page, faults } = tab;
    expect(await text(page, "#now-rate")).toBe("1 KiB/s");
    expect(await text(page, "#warnings")).toContain("Nothing needs you");
    isConnected = false;
    bytes = 5 * 1024 ** 2;
    await page.locator(".warning.error").waitFor();
    await page.locator("#now-rate", { hasText: "5 MiB/s" }).waitFor();
    expect(await text(page, "#warnings")).toMatch(/Viewers cannot reach[\s\S]+within 5 s\.[\s\S]+firewall/);
    expect(await text(page, "#state-text")).toBe("Not connected");
    isConnected = true;
    await page.locator(".warning.error").waitFor({ state: "detached" });
    expect(faults).toEqual([]);
  },
  TEST_MS,
);

test.skipIf(!hasChromium)(
  "the panel of a new Terminal shows honest empty places, and markup in a name stays text",
  async () => {
    const site = '<img src="x" onerror="alert(1)">';
    const base = realisticSources(() => Date.now());
    await using started = await startPanel({
      traffic: { totals: noCounts, recent: () => ({ answers: [], hits: [], bytes: [] }), days: () => [] },
      standing: () => undefined,
      storage: () => ({
        ...base.storage(),
        objects: 0,
        usedBytes: 0,
        remainingBytes: 1024 ** 3,
        quotaBytes: 1024 ** 3,
      }),
      popular: () => [{ objectId: "a".repeat(64), size: 0, site, requestCount: 1, lastUsedAtMs: 1, state: "whole" }],
    });
    await using tab = await open(started, { colorScheme: "dark" });
    const { page, faults } = tab;
    await refreshed(page);
    expect(await text(page, "#now-chart")).toContain("Nobody was sent here");
    expect(await text(page, "#earned-chart")).toContain("not reported anything yet");
    expect(await text(page, "#days-chart")).toContain("No day to show yet");
    expect(await text(page, "#storage-map")).toContain("1 GiB wait for objects");
    expect(await text(page, "#tracks")).toMatch(/(not checked yet[\s\S]*){3}/);
    expect(await text(page, "#popular")).toContain(site);
    expect(faults).toEqual([]);
  },
  TEST_MS,
);

test.skipIf(!hasChromium)(
  "the panel scrolls to no side, on a phone or a wide screen, and nothing jumps as it is refreshed",
  async () => {
    const refusal = { code: "duplicate", message: `a very long word: ${"x".repeat(300)}`, atMs: 1 };
    await using started = await startPanel({ connection: () => ({ isConnected: false, lastRefusal: refusal }) });
    const look = async (width: number) => {
      await using tab = await open(started, { viewport: { width, height: 700 } }, started.panel.link);
      const { page, faults } = tab;
      await page.evaluate(() => {
        const target = globalThis as unknown as PageWindow;
        target.shifts = 0;
        const observer = (globalThis as unknown as { PerformanceObserver: typeof PerformanceObserver })
          .PerformanceObserver;
        new observer((list) => {
          for (const entry of list.getEntries()) target.shifts += (entry as unknown as { value: number }).value;
        }).observe({ type: "layout-shift", buffered: true } as unknown as { entryTypes: [] });
      });
      await refreshed(page);
      const measured = await page.evaluate(() => {
        const { document, shifts } = globalThis as unknown as PageWindow;
        const { scrollWidth, clientWidth } = document.documentElement;
        return { overflow: scrollWidth - clientWidth, shifts };
      });
      expect([width, measured.overflow]).toEqual([width, 0]);
      expect([width, measured.shifts < 0.01]).toEqual([width, true]);
      expect(faults).toEqual([]);
    };
    await Promise.all([320, 390, 768, 1024, 2560].map(look));
  },
  TEST_MS,
);

test.skipIf(!hasChromium)(
  "the panel's charts can be read with the keyboard alone",
  async () => {
    await using started = await startPanel();
    await using tab = await open(started);
    const { page } = tab;
    await page.locator("#days-chart").focus();
    await page.keyboard.press("End");
    expect(await text(page, "#tip")).toMatch(/^\d+ \w+: [\d.]+ [GT]iB in [\d,]+ answers$/);
    const today = await text(page, "#tip");
    await page.keyboard.press("ArrowLeft");
    expect(await text(page, "#tip")).not.toBe(today);
    await page.keyboard.press("Escape");
    expect(await page.locator("#tip").isVisible()).toBe(false);
    await page.locator("#storage-map").focus();
    await page.keyboard.press("Home");
    expect(await text(page, "#tip")).toMatch(/GiB/);
  },
  TEST_MS,
);

test.skipIf(!hasChromium)(
  "the panel opened with the token changes what it is told to, and asks before what cannot be taken back",
  async () => {
    const release = { version: "0.5.0", notes: "Faster.", binaries: {} };
    await using started = await startPanel({ release: () => release });
    await using tab = await open(started, {}, started.panel.link);
    const { page, faults } = tab;
    expect(page.url()).not.toContain(started.panel.token);
    await page.locator("#quota").fill("1.5");
    await page.getByRole("button", { name: "Set" }).click();
    await page.getByText("The quota is 1.5 GiB now.").waitFor();
    await page.getByRole("button", { name: "Update to 0.5.0" }).click();
    await page.getByText("Agreed to 0.5.0").waitFor();
    await page.getByRole("button", { name: "Delete all objects" }).click();
    await page.getByRole("button", { name: "Keep as it is" }).click();
    await page.getByRole("button", { name: "Leave the network" }).click();
    await page.getByRole("button", { name: "Leave", exact: true }).click();
    await page.getByText("It has left.").waitFor();
    expect(started.calls).toEqual([`quota ${1.5 * 1024 ** 3}`, "update 0.5.0", "leave"]);
    expect(faults).toEqual([]);
  },
  TEST_MS,
);

test.skipIf(!hasChromium)(
  "the panel says so when the Terminal is gone",
  async () => {
    const started = await startPanel();
    await using tab = await open(started);
    const { page } = tab;
    await refreshed(page);
    await started[Symbol.asyncDispose]();
    await page.locator("#gone", { hasText: "has not answered for" }).waitFor();
    expect(await text(page, "#gone")).toContain("neson terminal run");
    expect(await text(page, "#state-text")).toBe("Not answering");
  },
  TEST_MS,
);
