import { expect, test } from "bun:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { needs, pathOf } from "../needs.ts";
import { startNetwork, until } from "./network.ts";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];
const PLAYED_SECONDS = 5;

/** What is asked of the page's `<video>`. */
interface VideoElement {
  currentTime: number;
  getVideoPlaybackQuality(): { totalVideoFrames: number };
}

async function openBrowser(): Promise<AsyncDisposable & { browser: Browser }> {
  const browser = await chromium.launch({ executablePath: pathOf("chromium") ?? "", args: FLAGS });
  return { browser, [Symbol.asyncDispose]: () => browser.close() };
}

/** What a page fetches, and everything it complains of. */
function watch(page: Page) {
  const responses: { path: string; origin: string; status: number }[] = [];
  const faults: string[] = [];
  page.on("response", (response) => {
    const { pathname, origin } = new URL(response.url());
    responses.push({ path: pathname, origin, status: response.status() });
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  return { responses, faults };
}

test.skipIf(!needs("chromium"))(
  "Chromium plays the demo video, its segments coming from at least two Terminals",
  async () => {
    await using network = await startNetwork();
    await using opened = await openBrowser();
    const page = await opened.browser.newPage();
    const { responses, faults } = watch(page);
    await page.goto(network.facts.site);

    const video = () =>
      page.locator("video").evaluate((element: VideoElement) => ({
        playedSeconds: element.currentTime,
        frames: element.getVideoPlaybackQuality().totalVideoFrames,
      }));
    await until("the video to play", async () => (await video()).playedSeconds >= PLAYED_SECONDS, 30_000);
    expect((await video()).frames).toBeGreaterThan(PLAYED_SECONDS * 10);

    const segments = responses.filter(({ path, status }) => /\/video\/segment-\d+\.m4s$/.test(path) && status === 200);
    const senders = new Set(segments.map(({ origin }) => origin));
    expect(segments.length).toBeGreaterThanOrEqual(3);
    expect(senders.size).toBeGreaterThanOrEqual(2);
    expect(network.facts.terminals).toEqual(expect.arrayContaining([...senders]));
    // The page tells its visitor the same.
    const told = await page.locator("body").textContent();
    for (const sender of senders) expect(told).toContain(new URL(sender).host);
    expect(faults).toEqual([]);
  },
  50_000,
);
