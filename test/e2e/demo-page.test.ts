import { expect, test } from "bun:test";
import { chromium } from "playwright-core";
import { needs, pathOf } from "../needs.ts";
import { startNetwork, until } from "./network.ts";

const hasChromium = needs("chromium");
const ARGUMENTS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

test.skipIf(!hasChromium)(
  "the demo page fetches the large download from a Terminal, finds its SHA-256 right and asks no stranger",
  async () => {
    await using network = await startNetwork();
    const { site, terminals } = network.facts;
    await (await fetch(`${site}/download/large.bin`)).bytes();
    await using opened = new AsyncDisposableStack();
    const browser = await chromium.launch({ executablePath: pathOf("chromium") ?? "", args: ARGUMENTS });
    opened.defer(() => browser.close());
    const page = await browser.newPage();
    const asked = new Set<string>();
    page.on("request", (request) => asked.add(new URL(request.url()).host));

    await page.goto(site);
    await page.click("#fetch");
    const verdict = await until(
      "the page's verdict",
      async () => {
        const text = (await page.locator("#download-note").textContent()) ?? "";
        return /SHA-256|did not come/.test(text) ? text : undefined;
      },
      30_000,
    );
    expect(verdict).toContain("SHA-256 is right");
    expect(terminals.some((url) => verdict.includes(new URL(url).host))).toBe(true);
    const ours = new Set([new URL(site).host, ...terminals.map((url) => new URL(url).host), ""]);
    expect([...asked].filter((host) => !ours.has(host))).toEqual([]);
  },
  60_000,
);
